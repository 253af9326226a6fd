// The plan without data: the heads and the neurons with the smallest weights go, as large a share of each as the budget asks.
import { headMagnitudes, neuronMagnitudes } from '../structure/magnitude.ts';
import type { Block } from '../structure/blocks.ts';
import { headRefusal, neuronRefusal, plainOf } from '../structure/plain.ts';
import { keptCost, type LayerCost } from './costs.ts';
import type { KeepPlan, KeptLayer } from './keep-plan.ts';

/** One head or neuron: of tied layers that of the first, for all of them. */
interface Unit {
  readonly layer: number;
  /** -1 for a head, else the feed-forward block. */
  readonly ffn: number;
  readonly index: number;
  readonly score: number;
}

/** Keeps what is largest of all layers until `most` is reached: heads and neurons each by their rank among their kind. */
export function magnitudePlan(blocks: readonly Block[], costs: readonly LayerCost[], most: number): KeepPlan {
  const heads = ranked(blocks.flatMap((block, i) => headUnits(block, i)));
  const neurons = ranked(blocks.flatMap((block, i) => neuronUnits(block, i)));
  const order = [...heads, ...neurons].sort((a, b) => a.rank - b.rank);
  const times = (layer: number): number => blocks.filter((block) => block.tied === layer).length;
  const kept = blocks.map(fixed);
  let spent = keptCost({ layers: blocks.map(({ tied }) => kept[tied]!) }, costs);
  for (const {
    unit: { layer, ffn, index },
  } of order) {
    const cost = times(layer) * (ffn < 0 ? costs[layer]!.head : costs[layer]!.neurons[ffn]!);
    if (spent + cost > most) continue;
    spent += cost;
    (ffn < 0 ? kept[layer]!.heads : kept[layer]!.ffn[ffn]!).push(index);
  }
  return { layers: blocks.map(({ tied }): KeptLayer => sorted(kept[tied]!)) };
}

/** What cannot be cut stays whole. */
function fixed(block: Block): { heads: number[]; ffn: number[][] } {
  const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  return {
    heads: headRefusal(block) === undefined ? [] : all(block.attention.heads ?? 0),
    ffn: block.ffn.map((one) => (neuronRefusal(one) === undefined ? [] : all(one.width))),
  };
}

function sorted({ heads, ffn }: { heads: number[]; ffn: number[][] }): KeptLayer {
  return { heads: heads.toSorted((a, b) => a - b), ffn: ffn.map((kept) => kept.toSorted((a, b) => a - b)) };
}

/** Rank from 0, the largest, to 1. */
function ranked(units: readonly Unit[]): { unit: Unit; rank: number }[] {
  return units.toSorted((a, b) => b.score - a.score).map((unit, i) => ({ unit, rank: (i + 1) / units.length }));
}

function headUnits(block: Block, layer: number): Unit[] {
  if (block.tied !== layer || headRefusal(block) !== undefined) return [];
  return [...headMagnitudes(plainOf(block, layer))].map((score, index) => ({ layer, ffn: -1, index, score }));
}

function neuronUnits(block: Block, layer: number): Unit[] {
  if (block.tied !== layer) return [];
  return block.ffn.flatMap((one, ffn) =>
    neuronRefusal(one) !== undefined
      ? []
      : [...neuronMagnitudes(one)].map((score, index) => ({ layer, ffn, index, score })),
  );
}
