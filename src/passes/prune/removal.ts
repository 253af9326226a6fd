// In what order the units of a block go, and what the loss rises by: from scores, and as curves that the search reads.
import type { Curve } from './search.ts';

/** All units of a block, the first to go first, and the rise of the loss up to and with each. */
export interface Removal {
  readonly order: Int32Array;
  readonly loss: Float64Array;
}

/** Scores that add up: the least goes first. */
export function byScore(scores: Float64Array): Removal {
  const order = Int32Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]! || a - b);
  let total = 0;
  return { order, loss: Float64Array.from(order, (unit) => (total += Math.max(0, scores[unit]!))) };
}

/**
 * Scores that say nothing across kinds of unit, as magnitudes of heads and of neurons: those with the lowest rank among
 * their kind in the whole model go first. With rank times cost as the loss the search takes the same share of each kind.
 * @param costs of a unit of each block
 */
export function byRank(scores: readonly Float64Array[], costs: readonly number[]): Removal[] {
  const all = scores.flatMap((own, block) => [...own].map((score, unit) => ({ block, unit, score })));
  all.sort((a, b) => a.score - b.score);
  const ranks = scores.map((own) => new Float64Array(own.length));
  for (const [i, { block, unit }] of all.entries()) ranks[block]![unit] = (costs[block]! * (i + 1)) / all.length;
  return ranks.map(byScore);
}

/**
 * Loss and cost by the number of units kept.
 * @param multiple numbers of units kept are multiples of it, or all
 */
export function curveOf({ loss }: Removal, cost: (kept: number) => number, least: number, multiple: number): Curve {
  const units = loss.length;
  const counts = Array.from({ length: units + 1 }, (_, kept) => kept);
  return {
    loss: Float64Array.from(counts, (kept) => (kept === units ? 0 : loss[units - kept - 1]!)),
    cost: Float64Array.from(counts, cost),
    choices: counts.filter((kept) => kept >= least && (kept === units || kept % multiple === 0)),
  };
}

/** Numbers of the units that stay, ascending. */
export function keptOf({ order }: Removal, kept: number): number[] {
  return [...order.subarray(order.length - kept)].sort((a, b) => a - b);
}
