// What the units of each block are worth, by the method asked for: runs the model and its gradients on rows where it must.
import type { Model } from '../ir/graph.ts';
import type { Goal, Sample } from '../objectives/goal.ts';
import { fisherDiagonal, fisherRemoval } from '../passes/prune/importance/fisher.ts';
import { randomScores } from '../passes/prune/importance/random.ts';
import { taylor } from '../passes/prune/importance/taylor.ts';
import { wanda } from '../passes/prune/importance/wanda.ts';
import { matrixOf } from '../passes/prune/output-matrix.ts';
import { byRank, byScore, type Removal } from '../passes/prune/removal.ts';
import type { Site } from '../passes/prune/sites.ts';
import { headMagnitudes, neuronMagnitudes } from '../passes/structure/magnitude.ts';
import { plainOf } from '../passes/structure/plain.ts';
import type { Block } from '../passes/structure/blocks.ts';
import { DataError } from '../errors.ts';
import type { Feeding } from '../objectives/batch-source.ts';
import { sortedBatches } from '../objectives/sorted-batches.ts';
import { maskGradients, type WithSession } from './prune-gradients.ts';
import { featureSquares, outerProducts } from './prune-grams.ts';
import type { Probe } from '../passes/prune/probe.ts';

export const importances = ['fisher', 'fisher-full', 'taylor', 'wanda', 'magnitude', 'random'] as const;
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
  readonly progress: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The order in which units go at each site. Throws DataError where the method needs rows and there are none. */
export async function removalsOf(by: Importance, material: ImportanceMaterial): Promise<Removal[]> {
  const { sites, costs, seed, samples, feeding } = material;
  if (by === 'magnitude') return byRank(sites.map((site) => magnitudes(material.blocks, site)), costs); // prettier-ignore
  if (by === 'random') return byRank(randomScores(sites.map(({ units }) => units), seed), costs); // prettier-ignore
  if (!feeding || samples.length === 0)
    throw new DataError(`--by ${by}: expected rows to look at, found none: name a file with --data, or use --by magnitude`); // prettier-ignore
  const batches = await sortedBatches(samples, material.goal, feeding, seed);
  if (by === 'wanda') {
    const squares = await featureSquares(material.model, sites, batches, material.open);
    return byRank(sites.map(({ dense, units }, s) => wanda(matrixOf(dense), squares[s]!, units)), costs); // prettier-ignore
  }
  const { model, open, ...options } = material;
  const found = await maskGradients(model, sites, batches, open, { ...options, probes: material.goal ? [] : material.probes() }); // prettier-ignore
  if (by === 'taylor') return sites.map(({ units }, s) => byScore(taylor(found[s]!, units)));
  if (by === 'fisher') return sites.map(({ units }, s) => byScore(fisherDiagonal(found[s]!, units)));
  const matrices = await outerProducts(found, sites.map(({ units }) => units), open); // prettier-ignore
  return sites.map(({ units }, s) => fisherRemoval(matrices[s]!, units, found[s]!.length / units));
}

function magnitudes(blocks: readonly Block[], { layer, kind, block }: Site): Float64Array {
  const own = blocks[layer]!;
  return kind === 'heads' ? headMagnitudes(plainOf(own, layer)) : neuronMagnitudes(own.ffn[block]!);
}
