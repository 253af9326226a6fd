// What `prune` is told about zeros, by the names of its flags, and the works that follow.
import { UsageError } from './errors.ts';
import { amountOf, type Method } from './passes/sparsify/amount.ts';
import { heal, type HealOptions } from './pipeline/prune/heal.ts';
import { sparsifyTo, type ZeroOptions } from './pipeline/prune/sparsity.ts';
import type { Work } from './pipeline/prune/works.ts';

/** Options of sparsity; each is the flag of the same name. */
export interface SparsityOptions {
  /** Share of the numbers of each attention and feed-forward weight that become zero. */
  readonly sparsity?: number | undefined;
  /** `2:4`: at most 2 numbers other than zero in 4 neighbours along the inputs. */
  readonly pattern?: string | undefined;
  /** How zeros are chosen; default sparsegpt with texts, magnitude without. */
  readonly sparsityBy?: Method | undefined;
  /** Dense layers behind the encoder become sparse as well. */
  readonly sparseHead?: boolean | undefined;
  /** Weights or nodes that stay dense, as names with *. */
  readonly keepDense?: readonly string[] | undefined;
  /** Zeros come during healing, by magnitude, on a cubic schedule. */
  readonly gradual?: boolean | undefined;
  /** Texts for the rules that need some. */
  readonly data?: string | undefined;
}

/** What makes zeros: after heads, neurons and layers went, and before the last healing, which leaves zeros where they are. */
export function sparsityOf(options: SparsityOptions): Work[] {
  const { sparsity, pattern, sparsityBy, sparseHead, keepDense, gradual, data } = options;
  if (sparsity === undefined && pattern === undefined) {
    const others = { 'sparsity-by': sparsityBy, 'sparse-head': sparseHead, 'keep-dense': keepDense, gradual };
    for (const [flag, value] of Object.entries(others))
      if (value !== undefined) throw new UsageError(`--${flag}: expected --sparsity or --pattern, found neither`);
    return [];
  }
  amountOf({ sparsity, pattern });
  if (data === undefined && sparsityBy !== undefined && sparsityBy !== 'magnitude')
    throw new UsageError(
      `--sparsity-by ${sparsityBy}: expected texts, found none: name them with --data, or use magnitude`,
    );
  return [sparsifyTo({ ...zerosOf(options), method: sparsityBy })];
}

function zerosOf({ sparsity, pattern, sparseHead = false, keepDense = [] }: SparsityOptions): ZeroOptions {
  return { sparsity, pattern, head: sparseHead, exclude: [...keepDense] };
}

/** Zeros that come while the model is healed; by magnitude, for what a training that was stopped early had not reached. */
export function gradually(options: SparsityOptions, healing: HealOptions | undefined): Work[] {
  const { sparsity, sparsityBy = 'magnitude' } = options;
  if (sparsity === undefined) throw new UsageError('--gradual: expected --sparsity, found --pattern');
  if (!healing) throw new UsageError('--gradual: expected --heal-minutes or --heal-epochs, found neither');
  if (sparsityBy !== 'magnitude')
    throw new UsageError(`--gradual: expected --sparsity-by magnitude, found ${sparsityBy}`);
  const zeros = zerosOf(options);
  return [heal({ ...healing, gradual: zeros }), sparsifyTo({ ...zeros, method: 'magnitude' })];
}
