// Which layers share: the merges that move the answers least for the parameters they save, measured on texts.
import { UsageError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { elementCount } from '../../ir/tensor.ts';
import { alignLayers } from '../../passes/share/align-layers.ts';
import { densesOf, shareLayers } from '../../passes/share/layers.ts';
import { blocksOf, onePerWeight, type Block } from '../../passes/structure/blocks.ts';
import type { KnownModel } from '../known-model.ts';
import { withDistances, type Distances } from '../prune/answers.ts';
import type { Workshop } from '../prune/works.ts';

type PartName = 'attention' | 'ffn';
export type Groups = Readonly<Record<PartName, readonly (readonly number[])[]>>;

export interface GroupBudget {
  readonly parts: 'attention' | 'ffn' | 'all';
  readonly start: 'mean' | 'first' | 'last';
  /** Share of the layers' parameters that stays. */
  readonly keep: number;
  /** Rank of what each layer keeps of its own beside shared weights. */
  readonly residualRank?: number | undefined;
}

export interface ChosenGroups {
  readonly groups: Groups;
  readonly notes: readonly string[];
}

/** One merge: a layer's part joins that of the layer before it. */
export interface Merge {
  readonly part: PartName;
  /** The later of the two neighbouring layers. */
  readonly layer: number;
  /** How far the answers go from the original's when only these two share. */
  readonly distance: number;
  readonly saves: number;
}

/**
 * Neighbours are merged in the order of distance for each parameter saved, until no more than the budget is left. Distances of merges are
 * measured one by one and taken as independent: what healing makes of them is not known before.
 * Throws UsageError for a budget that sharing cannot meet.
 */
export async function chooseGroups(known: KnownModel, budget: GroupBudget, shop: Workshop): Promise<ChosenGroups> {
  const blocks = blocksOf(known.model, known.recognition);
  const parts: readonly PartName[] = budget.parts === 'all' ? ['attention', 'ffn'] : [budget.parts];
  const whole = sum(
    (['attention', 'ffn'] as const).flatMap((part) => blocks.map((_, i) => paramsOf(blocks, part, [i]))),
  );
  const least = whole - sum(parts.flatMap((part) => blocks.slice(1).map((_, i) => paramsOf(blocks, part, [i + 1]))));
  if (budget.keep * whole < least)
    throw new UsageError(
      `--keep-parameters: expected at least ${(least / whole).toFixed(3)}, what is left with one set of weights for all, found ${budget.keep}`,
    );
  return withDistances(known, shop, async (from) => {
    const merges = await measured(known.model, blocks, parts, budget, from, shop);
    const wanted = whole * (1 - budget.keep);
    const useful = merges.filter(({ saves }) => saves > 0);
    if (sum(useful.map(({ saves }) => saves)) < wanted)
      throw new UsageError(
        `--residual-rank ${budget.residualRank}: expected a rank that leaves --keep-parameters ${budget.keep} within reach, found differences that take too much of what sharing saves`,
      );
    const taken = cheapest(useful, wanted);
    return { groups: groupsOf(taken, blocks.length), notes: [noteOf(taken, from.measure)] };
  });
}

/** Numbers in the weights of all layers, those that are shared counted once. */
export function layerParams(blocks: readonly Block[]): number {
  return paramsOf(blocks, 'attention', [...blocks.keys()]) + paramsOf(blocks, 'ffn', [...blocks.keys()]);
}

/** Numbers in the weights of a part of some layers, those that are shared counted once. */
export function paramsOf(blocks: readonly Block[], part: PartName, layers: readonly number[]): number {
  const denses = layers.flatMap((layer) => densesOf(blocks[layer]!, part, layer));
  return sum(onePerWeight(denses).map(({ weight }) => elementCount(weight.tensor.shape)));
}

async function measured(
  model: Model,
  blocks: readonly Block[],
  parts: readonly PartName[],
  { start, residualRank = 0 }: GroupBudget,
  from: Distances,
  { events }: Workshop,
): Promise<Merge[]> {
  const bar = events.bar('looking at pairs of layers');
  const pairs = parts.flatMap((part) => blocks.slice(1).map((_, i) => ({ part, layer: i + 1 })));
  const merges: Merge[] = [];
  for (const [i, { part, layer }] of pairs.entries()) {
    bar(i, pairs.length);
    const groups = { attention: [], ffn: [], [part]: [[layer - 1, layer]] };
    const quiet = { log: events.log, progress: () => {} };
    const aligned = start === 'mean' ? alignLayers.run(model, groups, quiet).model : model;
    const shared = shareLayers.run(aligned, { ...groups, start }, quiet);
    const distance = await from.to(shared.model);
    // both members may have differences of their own
    const own = 2 * sum(densesOf(blocks[layer]!, part, layer).map(({ inFeatures, outFeatures }) => residualRank * (inFeatures + outFeatures))); // prettier-ignore
    merges.push({ part, layer, distance, saves: paramsOf(blocks, part, [layer]) - own });
  }
  return merges;
}

/** Merges that save at least `wanted` parameters, none of them without need. */
export function cheapest(merges: readonly Merge[], wanted: number): Merge[] {
  const taken: Merge[] = [];
  let saved = 0;
  for (const merge of merges.toSorted((a, b) => a.distance / a.saves - b.distance / b.saves)) {
    if (saved >= wanted) break;
    taken.push(merge);
    saved += merge.saves;
  }
  // the last may have saved so much that others are not needed, those that move the answers most first
  return taken
    .toSorted((a, b) => b.distance - a.distance)
    .filter(({ saves }) => {
      if (saved - saves < wanted) return true;
      saved -= saves;
      return false;
    });
}

/** Chains of merged neighbours are groups. */
function groupsOf(taken: readonly Merge[], layers: number): Groups {
  const of = (part: PartName): number[][] => {
    const groups: number[][] = [];
    for (let layer = 0; layer < layers; layer++)
      if (taken.some((merge) => merge.part === part && merge.layer === layer)) groups.at(-1)!.push(layer);
      else groups.push([layer]);
    return groups.filter((group) => group.length > 1);
  };
  return { attention: of('attention'), ffn: of('ffn') };
}

function noteOf(taken: readonly Merge[], measure: string): string {
  const each = taken.map(({ part, layer, distance }) => `${part} ${layer - 1}-${layer} (${distance.toFixed(3)})`);
  return `pairs that share, with the distance from the original when only they do (${measure}): ${each.join(', ')}`;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
