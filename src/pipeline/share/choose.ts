// Which layers share: the merges that move the answers least for the parameters they save, measured on texts.
import { UsageError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { elementCount } from '../../ir/tensor.ts';
import { densesOf, shareLayers } from '../../passes/share/layers.ts';
import { blocksOf, type Block } from '../../passes/structure/blocks.ts';
import type { KnownModel } from '../known-model.ts';
import { answersOf, distanceOf, questionsFor } from '../prune/answers.ts';
import type { Workshop } from '../prune/works.ts';
import { Scratch } from '../learn/training.ts';

type PartName = 'attention' | 'ffn';
export type Groups = Readonly<Record<PartName, readonly (readonly number[])[]>>;

export interface GroupBudget {
  readonly parts: 'attention' | 'ffn' | 'all';
  readonly start: 'mean' | 'first' | 'last';
  /** Share of the layers' parameters that stays. */
  readonly keep: number;
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
    (['attention', 'ffn'] as const).flatMap((part) => blocks.map((block, i) => sizeOf(block, part, i))),
  );
  const least = whole - sum(parts.flatMap((part) => blocks.slice(1).map((block, i) => sizeOf(block, part, i + 1))));
  if (budget.keep * whole < least)
    throw new UsageError(
      `--keep-parameters: expected at least ${(least / whole).toFixed(3)}, what is left with one set of weights for all, found ${budget.keep}`,
    );
  const questions = await questionsFor(known, shop);
  const scratch = new Scratch();
  try {
    const wanted = await answersOf(known.model, questions, scratch, shop.options);
    const distance = async (model: Model): Promise<number> =>
      distanceOf(wanted, await answersOf(model, questions, scratch, shop.options), questions);
    const merges = await measured(known.model, blocks, parts, budget.start, distance, shop);
    const taken = cheapest(merges, whole * (1 - budget.keep));
    const measure = questions.scores.length > 0 ? 'KL divergence, nats' : '1 - cosine of the last hidden states';
    return { groups: groupsOf(taken, blocks.length), notes: [noteOf(taken, measure)] };
  } finally {
    scratch.dispose();
  }
}

/** Numbers in the weights of all layers, those that are shared counted once. */
export function layerParams(blocks: readonly Block[]): number {
  const weights = new Map(
    blocks.flatMap((block, i) =>
      (['attention', 'ffn'] as const).flatMap((part) =>
        densesOf(block, part, i).map(({ weight }) => [weight.name, weight.tensor] as const),
      ),
    ),
  );
  return sum([...weights.values()].map(({ shape }) => elementCount(shape)));
}

function sizeOf(block: Block, part: PartName, layer: number): number {
  const weights = new Map(densesOf(block, part, layer).map(({ weight }) => [weight.name, weight.tensor]));
  return sum([...weights.values()].map(({ shape }) => elementCount(shape)));
}

async function measured(
  model: Model,
  blocks: readonly Block[],
  parts: readonly PartName[],
  start: GroupBudget['start'],
  distanceTo: (model: Model) => Promise<number>,
  { events }: Workshop,
): Promise<Merge[]> {
  const bar = events.bar('looking at pairs of layers');
  const pairs = parts.flatMap((part) => blocks.slice(1).map((_, i) => ({ part, layer: i + 1 })));
  const merges: Merge[] = [];
  for (const [i, { part, layer }] of pairs.entries()) {
    bar(i, pairs.length);
    const groups = { attention: [], ffn: [], [part]: [[layer - 1, layer]] };
    const shared = shareLayers.run(model, { ...groups, start }, { log: events.log, progress: () => {} });
    const distance = await distanceTo(shared.model);
    merges.push({ part, layer, distance, saves: sizeOf(blocks[layer]!, part, layer) });
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

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
