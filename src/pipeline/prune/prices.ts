// What heads and neurons cost, and how much may be spent, in the unit of the budget: multiply-adds, weights or milliseconds.
import { sourceFiles } from '../../onnx/sources.ts';
import { macCosts, weightCosts, wholeCost, type LayerCost } from '../../passes/prune/costs.ts';
import type { Budget } from '../../passes/prune/keep-plan.ts';
import type { Site } from '../../passes/prune/sites.ts';
import type { Block } from '../../passes/structure/blocks.ts';
import type { Events } from '../events.ts';
import type { KnownModel } from '../known-model.ts';
import { latencyTable } from './latency.ts';
import type { RunOptions } from '../learn/training.ts';

export interface Prices {
  /** Of each site by the number of units kept. */
  readonly costs: readonly ((kept: number) => number)[];
  readonly most: number;
  /** What to say where even nothing kept costs more. */
  readonly shortest: () => string;
}

/** Throws ModelError where a latency table cannot be measured. */
export async function pricesOf(
  { path, model, recognition }: KnownModel,
  blocks: readonly Block[],
  sites: readonly Site[],
  budget: Budget,
  { sequence }: { readonly sequence: number },
  context: RunOptions & { readonly events: Events },
): Promise<Prices> {
  if (budget.kind === 'speedup') {
    const table = await latencyTable({ model, recognition }, sites, budget.at, context);
    const most = table.whole / budget.times - table.rest;
    const limit = (table.whole / table.rest).toFixed(2);
    const shortest = (): string =>
      `--speedup: expected less than ${limit}x, what no head and no neuron would give here, found ${budget.times}x`;
    return { costs: table.costs, most, shortest };
  }
  const costs = budget.kind === 'macs' ? macCosts(blocks, sequence) : weightCosts(blocks);
  const linear = sites.map((site) => timesCost(costOf(costs, site)));
  const whole = wholeCost(blocks, costs);
  const fixed = whole - sites.reduce((sum, { units }, s) => sum + linear[s]!(units), 0);
  if (budget.kind === 'macs') {
    const shortest = (): string =>
      `--keep-macs: expected at least ${(fixed / whole).toFixed(3)}, the share of what cannot be cut, found ${budget.keep}`;
    return { costs: linear, most: budget.keep * whole - fixed, shortest };
  }
  const bytes = sourceFiles(path.onnxPath, model).reduce((sum, file) => sum + file.bytes, 0);
  const shortest = (): string =>
    `--max-size: expected more than the ${bytes - 4 * (whole - fixed)} bytes of what is no head or neuron that can be cut, found ${budget.most}`;
  return { costs: linear, most: whole - fixed - (bytes - budget.most) / 4, shortest };
}

function timesCost(cost: number): (kept: number) => number {
  return (kept) => kept * cost;
}

/** Of one unit of a site. */
export function costOf(costs: readonly LayerCost[], { layer, kind, block }: Site): number {
  return kind === 'heads' ? costs[layer]!.head : costs[layer]!.neurons[block]!;
}
