// `prune` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import { defaultShapes, type Shape } from './evaluate/latency.ts';
import type { FitTask } from './objectives/fit-task.ts';
import type { Budget } from './passes/prune/keep-plan.ts';
import { amountOf, type Method } from './passes/sparsify/amount.ts';
import type { Events } from './pipeline/events.ts';
import { gatesOf } from './pipeline/gates.ts';
import { pruneModel, type Making } from './pipeline/prune.ts';
import { sparsifyTo } from './pipeline/prune-sparsity.ts';
import { narrowTo, type Work } from './pipeline/prune-works.ts';
import type { Report } from './report/schema.ts';

/** Options of `prune`; each is the flag of the same name. */
export interface PruneOptions {
  /** Share of the layers' multiply-adds to keep; several make a model each. */
  readonly keepMacs?: number | readonly number[] | undefined;
  /** What decides which heads and neurons stay. */
  readonly by?: 'magnitude' | undefined;
  /** Tokens of a text that multiply-adds are counted at; default 128. */
  readonly macsAt?: number | undefined;

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

  /** Texts that say what matters in the model. */
  readonly data?: string | undefined;
  /** Rows to judge by; default a share of `data` where it has labels. */
  readonly dev?: string | undefined;
  /** That share; default 0.1, 0 for none. */
  readonly split?: number | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** Default guessed from the data and the model. */
  readonly task?: FitTask | undefined;
  readonly samples?: number | undefined;
  readonly clean?: boolean | undefined;
  readonly htmlEntities?: boolean | undefined;
  readonly deduplicate?: boolean | undefined;
  readonly maxLength?: number | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;

  /** FILE.onnx or a folder; default NAME-pruned beside the model's folder. */
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly keep?: boolean | undefined;
  /** Measure latency; default true. */
  readonly bench?: boolean | undefined;
  readonly shapes?: readonly Shape[] | undefined;
  /** `1%` (relative) or `0.5pt` of the original's metric. */
  readonly maxDrop?: string | undefined;
  /** `1.8x` */
  readonly minSpeedup?: string | undefined;
  /** `88%` or `0.88` of the metric. */
  readonly minMetric?: string | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly ep?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Prune a model file or folder, measure what it cost and judge it by the gates.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export function prune(model: string, options: PruneOptions = {}, events?: Events): Promise<Report> {
  const { maxDrop, minSpeedup, minMetric, bench, shapes, ep, seed, ...rest } = options;
  return pruneModel(
    {
      ...rest,
      model,
      makings: makingsOf(options),
      seed: seed ?? 0,
      ep: ep === undefined ? undefined : [ep],
      shapes: bench === false ? undefined : (shapes ?? defaultShapes),
      gates: gatesOf({ maxDrop, minSpeedup, minMetric }),
    },
    events,
  );
}

function makingsOf(options: PruneOptions): Making[] {
  const { keepMacs, by = 'magnitude', macsAt = 128 } = options;
  const shares = keepMacs === undefined ? [] : [keepMacs].flat();
  const sparse = sparsityOf(options);
  if (shares.length === 0 && !sparse)
    throw new UsageError('prune: expected a budget such as --keep-macs 0.6, or --sparsity 0.8, found none');
  const wrong = shares.find((share) => !(share > 0 && share < 1));
  if (wrong !== undefined) throw new UsageError(`--keep-macs: expected shares between 0 and 1, found ${wrong}`);
  const last = sparse ? [sparse] : [];
  if (shares.length === 0) return [{ suffix: 'sparse', works: last }];
  return shares.map((keep) => {
    const budget: Budget = { kind: 'macs', keep };
    return { suffix: String(keep), works: [narrowTo(budget, { by, sequence: macsAt }), ...last] };
  });
}

/** What makes zeros, after all else. */
function sparsityOf({ sparsity, pattern, sparsityBy, sparseHead, keepDense, data }: PruneOptions): Work | undefined {
  if (sparsity === undefined && pattern === undefined) {
    for (const [flag, value] of Object.entries({
      'sparsity-by': sparsityBy,
      'sparse-head': sparseHead,
      'keep-dense': keepDense,
    }))
      if (value !== undefined) throw new UsageError(`--${flag}: expected --sparsity or --pattern, found neither`);
    return undefined;
  }
  amountOf({ sparsity, pattern });
  if (data === undefined && sparsityBy !== undefined && sparsityBy !== 'magnitude')
    throw new UsageError(
      `--sparsity-by ${sparsityBy}: expected texts, found none: name them with --data, or use magnitude`,
    );
  return sparsifyTo({
    sparsity,
    pattern,
    method: sparsityBy,
    head: sparseHead ?? false,
    exclude: [...(keepDense ?? [])],
  });
}
