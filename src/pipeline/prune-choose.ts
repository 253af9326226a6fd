// Which heads and neurons stay within a budget.
import { ModelError, UsageError } from '../errors.ts';
import { keptCost, macCosts, weightCosts, wholeCost } from '../passes/prune/costs.ts';
import type { Budget, KeepPlan } from '../passes/prune/keep-plan.ts';
import { magnitudePlan } from '../passes/prune/magnitude-plan.ts';
import { blocksOf } from '../passes/structure/blocks.ts';
import { headRefusal, neuronRefusal } from '../passes/structure/plain.ts';
import { sourceFiles } from '../onnx/sources.ts';
import type { Events } from './events.ts';
import type { KnownModel } from './known-model.ts';
import type { PruneMaterial } from './prune-set-up.ts';
import type { RunOptions } from './training.ts';

export interface ChooseOptions {
  readonly by: 'magnitude';
  /** Tokens of a text that multiply-adds are counted at. */
  readonly sequence: number;
  /** Rows of the material that are looked at, taken with the seed. */
  readonly samples: number;
}

export interface Chosen {
  readonly plan: KeepPlan;
  readonly notes: readonly string[];
  readonly stats: Readonly<Record<string, number>>;
}

/** Throws UsageError for a budget that cannot be met, ModelError where nothing can be pruned. */
export function choosePlan(
  { model, recognition, path }: KnownModel,
  _material: PruneMaterial | undefined,
  budget: Budget,
  { sequence }: ChooseOptions,
  _context: RunOptions & { readonly seed: number; readonly events: Events },
): Promise<Chosen> {
  const blocks = blocksOf(model, recognition);
  const bytes = sourceFiles(path.onnxPath, model).reduce((sum, file) => sum + file.bytes, 0);
  const costs = budget.kind === 'macs' ? macCosts(blocks, sequence) : weightCosts(blocks);
  const whole = wholeCost(blocks, costs);
  const refusals = blocks.flatMap((block) => [headRefusal(block), ...block.ffn.map(neuronRefusal)]);
  if (refusals.every((why) => why !== undefined))
    throw new ModelError(`prune: expected heads or neurons that can be cut out, found ${refusals[0]}`);
  const most = mostOf(budget, whole, bytes);
  const plan = magnitudePlan(blocks, costs, most);
  const macs = macCosts(blocks, sequence);
  return Promise.resolve({ plan, notes: [], stats: { 'macs kept': keptCost(plan, macs) / wholeCost(blocks, macs) } });
}

function mostOf(budget: Budget, whole: number, bytes: number): number {
  if (budget.kind === 'speedup')
    throw new UsageError('--speedup: expected a latency table, found none: use --keep-macs');
  if (budget.kind === 'macs') return budget.keep * whole;
  const most = whole - (bytes - budget.most) / 4;
  if (most <= 0)
    throw new UsageError(
      `--max-size: expected more than the ${bytes - 4 * whole} bytes of what has neither heads nor neurons, found ${budget.most}`,
    );
  return most;
}
