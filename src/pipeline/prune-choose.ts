// Which heads and neurons stay within a budget: what each is worth, then the search, within what each costs.
import { DataError, ModelError, UsageError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import { sampler } from '../data/sample.ts';
import { sourceFiles } from '../onnx/sources.ts';
import { keptCost, macCosts, weightCosts, wholeCost, type LayerCost } from '../passes/prune/costs.ts';
import type { Budget, KeepPlan } from '../passes/prune/keep-plan.ts';
import { curveOf, keptOf, type Removal } from '../passes/prune/removal.ts';
import { cheapest, type Curve } from '../passes/prune/search.ts';
import { sitesOf, type Site } from '../passes/prune/sites.ts';
import { blocksOf, type Block } from '../passes/structure/blocks.ts';
import { headRefusal, neuronRefusal } from '../passes/structure/plain.ts';
import type { Events } from './events.ts';
import type { KnownModel } from './known-model.ts';
import { removalsOf, type Importance } from './prune-importance.ts';
import { latencyTable } from './prune-latency.ts';
import { probesOf } from '../passes/prune/probe.ts';
import type { PruneMaterial } from './prune-set-up.ts';
import { Scratch, type RunOptions } from './training.ts';

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
  const removals = await remembered(known, blocks, sites, material, options, context);
  const { by, multiple = 16, sequence } = options;
  // a graph whose layers have no attention at all is no encoder any more
  const first = sites.findIndex(({ kind }) => kind === 'heads');
  const curves = sites.map(({ kind }, s) =>
    curveOf(removals[s]!, costs[s]!, s === first ? 1 : 0, kind === 'ffn' ? multiple : 1),
  );
  const groups = tied(sites);
  const kept = cheapest(groups.map((group) => joined(group.map((s) => curves[s]!))), most); // prettier-ignore
  if (!kept) throw new UsageError(shortest());
  const counts = new Map(groups.flatMap((group, g) => group.map((s) => [s, kept[g]!] as const)));
  const plan = planOf(blocks, sites, (s) => keptOf(removals[groups.find((group) => group.includes(s))![0]!]!, counts.get(s)!)); // prettier-ignore
  const macs = macCosts(blocks, sequence);
  const rise = sites.reduce((sum, _, s) => sum + curves[s]!.loss[counts.get(s)!]!, 0);
  const stats = { 'macs kept': keptCost(plan, macs) / wholeCost(blocks, macs) };
  return { plan, notes: [], stats: by.startsWith('fisher') ? { ...stats, 'expected rise of the loss': rise } : stats };
}

/** Sites whose weights are one another's: they keep the same units. */
function tied(sites: readonly Site[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [s, { tied, kind, block }] of sites.entries()) {
    const key = `${tied} ${kind} ${block}`;
    const group = groups.get(key);
    if (group) group.push(s);
    else groups.set(key, [s]);
  }
  return [...groups.values()];
}

function joined(curves: readonly Curve[]): Curve {
  const sum = (of: 'loss' | 'cost'): Float64Array =>
    curves[0]![of].map((_, i) => curves.reduce((total, curve) => total + curve[of][i]!, 0));
  return curves.length === 1 ? curves[0]! : { loss: sum('loss'), cost: sum('cost'), choices: curves[0]!.choices };
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

interface Prices {
  /** Of each site by the number of units kept. */
  readonly costs: readonly ((kept: number) => number)[];
  readonly most: number;
  /** What to say where even nothing kept costs more. */
  readonly shortest: () => string;
}

async function pricesOf(
  { path, model, recognition }: KnownModel,
  blocks: readonly Block[],
  sites: readonly Site[],
  budget: Budget,
  { sequence }: ChooseOptions,
  context: ChooseContext,
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

function costOf(costs: readonly LayerCost[], { layer, kind, block }: Site): number {
  return kind === 'heads' ? costs[layer]!.head : costs[layer]!.neurons[block]!;
}

/** By model, then by what was looked at. */
const found = new WeakMap<Model, Map<string, { material: PruneMaterial | undefined; made: Promise<Removal[]> }>>();

function remembered(
  known: KnownModel,
  blocks: readonly Block[],
  sites: readonly Site[],
  material: PruneMaterial | undefined,
  options: ChooseOptions,
  context: ChooseContext,
): Promise<Removal[]> {
  const { by, samples, labels, sequence } = options;
  const key = JSON.stringify([by, samples, labels, sequence, context.seed]);
  const own = found.get(known.model) ?? new Map<string, { material: typeof material; made: Promise<Removal[]> }>();
  found.set(known.model, own);
  const before = own.get(key);
  if (before && before.material === material) return before.made;
  const made = removals(known, blocks, sites, material, options, context);
  own.set(key, { material, made });
  return made;
}

async function removals(
  { model, recognition }: KnownModel,
  blocks: readonly Block[],
  sites: readonly Site[],
  material: PruneMaterial | undefined,
  { by, samples, labels = false, sequence }: ChooseOptions,
  context: ChooseContext,
): Promise<Removal[]> {
  const goal = labels ? material?.goal : undefined;
  if (labels && !goal) throw new DataError('labels: expected labels that the model has, found none');
  const macs = macCosts(blocks, sequence);
  const scratch = new Scratch();
  try {
    const progress = context.events.bar('looking at what matters');
    return await removalsOf(by, {
      model,
      blocks,
      sites,
      goal,
      progress,
      seed: context.seed,
      signal: context.signal,
      costs: sites.map((site) => costOf(macs, site)),
      samples: chosenSamples(material, samples, context.seed),
      feeding: material?.feeding,
      probes: () => probesOf(recognition, material?.binary ?? false),
      open: (made, name, use) => scratch.with(made, name, context, use),
    });
  } finally {
    scratch.dispose();
  }
}

/** So many rows, chosen with the seed, their labels as the goal takes them. */
export function chosenSamples(
  material: PruneMaterial | undefined,
  count: number,
  seed: number,
): { sequences: PruneMaterial['samples'][number]['sequences']; target: unknown }[] {
  const all = [...(material?.samples ?? [])];
  const taken = sampler(count, all.length, seed);
  return all.filter(() => taken()).map(({ sequences, target }) => ({ sequences, target: target.label }));
}
