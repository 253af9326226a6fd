// Which heads and neurons stay within a budget: what each is worth, then the search, within what each costs.
import { ModelError, UsageError } from '../../errors.ts';
import { keptCost, macCosts, wholeCost } from '../../passes/prune/costs.ts';
import type { Budget, KeepPlan } from '../../passes/prune/keep-plan.ts';
import { curveOf, keptOf } from '../../passes/prune/removal.ts';
import { cheapest, type Curve } from '../../passes/prune/search.ts';
import { groupsOf, sitesOf, type Site } from '../../passes/prune/sites.ts';
import { blocksOf, type Block } from '../../passes/structure/blocks.ts';
import { headRefusal, neuronRefusal } from '../../passes/structure/plain.ts';
import type { Events } from '../events.ts';
import type { KnownModel } from '../known-model.ts';
import type { Importance } from './importance.ts';
import { pricesOf } from './prices.ts';
import { removalsFor } from './removals.ts';
import type { PruneMaterial } from './set-up.ts';
import type { RunOptions } from '../learn/training.ts';

export interface ChooseOptions {
  readonly by: Importance;
  /** Tokens of a text that multiply-adds are counted at. */
  readonly sequence: number;
  /** Rows of the material that are looked at, taken with the seed. */
  readonly samples: number;
  /** Whether the loss is the labels' or that of the model's own predictions; default its predictions. */
  readonly labels?: boolean | undefined;
  /** Neurons kept are a multiple of it; default 16, the columns that onnxruntime's float kernels compute at once. */
  readonly multiple?: number | undefined;
}

export interface Chosen {
  readonly plan: KeepPlan;
  readonly notes: readonly string[];
  readonly stats: Readonly<Record<string, number>>;
}

export type ChooseContext = RunOptions & { readonly seed: number; readonly events: Events };

/**
 * The plan of least loss within the budget. Rows are looked at once for a model, whatever the number of budgets.
 * Throws UsageError for a budget that cannot be met, DataError without the rows that the method needs, ModelError where
 * nothing can be pruned.
 */
export async function choosePlan(
  known: KnownModel,
  material: PruneMaterial | undefined,
  budget: Budget,
  options: ChooseOptions,
  context: ChooseContext,
): Promise<Chosen> {
  const blocks = blocksOf(known.model, known.recognition);
  const sites = sitesOf(known.model, blocks);
  if (sites.length === 0) {
    const refusals = blocks.flatMap((block) => [headRefusal(block), ...block.ffn.map(neuronRefusal)]);
    throw new ModelError(`prune: expected heads or neurons that can be cut out, found ${refusals[0] ?? 'none'}`);
  }
  const { costs, most, shortest } = await pricesOf(known, blocks, sites, budget, options, context);
  const removals = await removalsFor(known, blocks, sites, material, options, context);
  const { by, multiple = 16, sequence } = options;
  // a graph whose layers have no attention at all is no encoder any more
  const encoderOf = ({ layer }: Site): number => blocks[layer]!.encoder;
  const first = (site: Site): boolean =>
    site === sites.find((one) => one.kind === 'heads' && encoderOf(one) === encoderOf(site));
  const curves = sites.map((site, s) =>
    curveOf(removals[s]!, costs[s]!, first(site) ? 1 : 0, site.kind === 'ffn' ? multiple : 1),
  );
  const groups = groupsOf(sites);
  const kept = cheapest(groups.map((group) => joined(group.map((s) => curves[s]!))), most); // prettier-ignore
  if (!kept) throw new UsageError(shortest());
  const counts = new Map(groups.flatMap((group, g) => group.map((s) => [s, kept[g]!] as const)));
  const plan = planOf(blocks, sites, (s) => keptOf(removals[groups.find((group) => group.includes(s))![0]!]!, counts.get(s)!)); // prettier-ignore
  const macs = macCosts(blocks, sequence);
  const rise = groups.reduce((sum, [s]) => sum + curves[s!]!.loss[counts.get(s!)!]!, 0);
  const stats = { 'macs kept': keptCost(plan, macs) / wholeCost(blocks, macs) };
  return { plan, notes: [], stats: by.startsWith('fisher') ? { ...stats, 'expected rise of the loss': rise } : stats };
}

/** What a group loses is told by its first site, whose masks are those of all; each site costs. */
function joined(curves: readonly Curve[]): Curve {
  const cost = curves[0]!.cost.map((_, kept) => curves.reduce((sum, curve) => sum + curve.cost[kept]!, 0));
  return { ...curves[0]!, cost };
}

function planOf(blocks: readonly Block[], sites: readonly Site[], kept: (site: number) => number[]): KeepPlan {
  const at = (layer: number, kind: Site['kind'], block: number): number =>
    sites.findIndex((site) => site.layer === layer && site.kind === kind && site.block === block);
  const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  return {
    layers: blocks.map(({ attention, ffn }, layer) => {
      const heads = at(layer, 'heads', 0);
      return {
        heads: heads < 0 ? all(attention.heads ?? 0) : kept(heads),
        ffn: ffn.map(({ width }, b) => {
          const site = at(layer, 'ffn', b);
          return site < 0 ? all(width) : kept(site);
        }),
      };
    }),
  };
}
