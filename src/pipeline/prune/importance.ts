// What the units of each block are worth, by the method asked for: runs the model and its gradients on rows where it must.
import type { Model } from '../../ir/graph.ts';
import type { Goal, Sample } from '../../objectives/goal.ts';
import { fisherDiagonal, fisherRemoval } from '../../passes/prune/importance/fisher.ts';
import { randomScores } from '../../passes/prune/importance/random.ts';
import { taylor } from '../../passes/prune/importance/taylor.ts';
import { wanda } from '../../passes/prune/importance/wanda.ts';
import { matrixOf } from '../../passes/structure/matrix.ts';
import { byRank, byScore, type Removal } from '../../passes/prune/removal.ts';
import { groupsOf, type Site } from '../../passes/prune/sites.ts';
import { headMagnitudes, neuronMagnitudes } from '../../passes/structure/magnitude.ts';
import { plainOf } from '../../passes/structure/plain.ts';
import type { Block } from '../../passes/structure/blocks.ts';
import { DataError } from '../../errors.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import { sortedBatches } from '../../objectives/sorted-batches.ts';
import { maskGradients, type WithSession } from './gradients.ts';
import { featureSquares, outerProducts } from './grams.ts';
import type { Probe } from '../../passes/prune/probe.ts';

export const importances = ['fisher', 'fisher-diagonal', 'taylor', 'wanda', 'l1', 'magnitude', 'random'] as const;
/**
 * Of minilm-sst2 at half the multiply-adds, cut and fitted: divergence .045 nats with 0.3, .047 with none of what units do
 * together; with all of it .124 by an earlier fit that gave .054 with none.
 */
const TOGETHER = 0.3;

export type Importance = (typeof importances)[number];

/** What importance is measured on. */
export interface ImportanceMaterial {
  readonly model: Model;
  readonly blocks: readonly Block[];
  readonly sites: readonly Site[];
  /** Cost of one unit of each site. */
  readonly costs: readonly number[];
  /** Targets are those of `goal`. */
  readonly samples: readonly Sample[];
  readonly feeding: Feeding | undefined;
  /** Undefined: the model's own predictions instead of labels. */
  readonly goal: Goal | undefined;
  readonly probes: () => readonly Probe[];
  readonly seed: number;
  readonly open: WithSession;
  /** Scores of factors that learn under a penalty. */
  readonly masks: () => Promise<Float64Array[]>;
  readonly progress: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The order in which units go at each site. Throws DataError where the method needs rows and there are none. */
export async function removalsOf(by: Importance, material: ImportanceMaterial): Promise<Removal[]> {
  const { sites, costs, seed, samples, feeding } = material;
  const ranked = (all: readonly Float64Array[]): Removal[] =>
    byRank(sites.map(({ kind }, s) => ({ kind, scores: all[s]!, cost: costs[s]! })));
  if (by === 'magnitude') return ranked(sites.map((site) => magnitudes(material.blocks, site))); // prettier-ignore
  if (by === 'random') return ranked(randomScores(sites.map(({ units }) => units), seed)); // prettier-ignore
  if (!feeding || samples.length === 0)
    throw new DataError(`--by ${by}: expected rows to look at, found none: name a file with --data, or use --by magnitude`); // prettier-ignore
  if (by === 'l1') return (await material.masks()).map((scores, s) => byScore(scores.map((x) => x * costs[s]!))); // prettier-ignore
  const batches = await sortedBatches(samples, material.goal, feeding, seed);
  if (by === 'wanda') {
    const squares = shared(sites, await featureSquares(material.model, sites, batches, material.open));
    return ranked(sites.map(({ dense, units }, s) => wanda(matrixOf(dense), squares[s]!, units)));
  }
  const { model, open, ...options } = material;
  const probes = material.goal ? [] : material.probes();
  const found = shared(sites, await maskGradients(model, sites, batches, open, { ...options, probes }));
  if (by === 'taylor') return sites.map(({ units }, s) => byScore(taylor(found[s]!, units)));
  if (by === 'fisher-diagonal') return sites.map(({ units }, s) => byScore(fisherDiagonal(found[s]!, units)));
  const matrices = await outerProducts(found, sites.map(({ units }) => units), open); // prettier-ignore
  return sites.map(({ units }, s) => fisherRemoval(matrices[s]!, units, found[s]!.length / units, TOGETHER));
}

/** A mask on shared weights is one mask: what was found at each place adds up. */
function shared<T extends Float32Array | Float64Array>(sites: readonly Site[], found: readonly T[]): T[] {
  const sums = [...found];
  for (const group of groupsOf(sites)) {
    const [first, ...others] = group;
    for (const s of others) found[s]!.forEach((x, i) => (sums[first!]![i] = sums[first!]![i]! + x));
    for (const s of others) sums[s] = sums[first!]!;
  }
  return sums;
}

function magnitudes(blocks: readonly Block[], { layer, kind, block }: Site): Float64Array {
  const own = blocks[layer]!;
  return kind === 'heads' ? headMagnitudes(plainOf(own, layer)) : neuronMagnitudes(own.ffn[block]!);
}
