// How many units each block keeps, so that the summed loss is least within a budget.

/** One block, or blocks that share their weights. */
export interface Curve {
  /** Loss by the number of units kept, 0 to all; none where all are kept. */
  readonly loss: Float64Array;
  /** Cost by the number of units kept; grows with it. */
  readonly cost: Float64Array;
  /** Numbers of units that may be kept. */
  readonly choices: readonly number[];
}

/** Steps that the budget is counted in: a cost is rounded up by less than one of them. */
const STEPS = 8192;

/**
 * Units to keep of each block: the exact optimum of the multiple-choice knapsack by dynamic programming over the budget in
 * `STEPS` steps (the paper's search, Kwon et al. 2022, algorithm 1, is the case of two kinds of unit and losses that add up).
 * @returns undefined where the cheapest choices cost more than `most`
 */
export function cheapest(curves: readonly Curve[], most: number): number[] | undefined {
  const floor = curves.map(({ cost, choices }) => Math.min(...choices.map((kept) => cost[kept]!)));
  const room = most - floor.reduce((sum, cost) => sum + cost, 0);
  if (room < 0) return undefined;
  const step = room / STEPS || 1;
  let best = new Float64Array(STEPS + 1);
  const taken = curves.map(({ loss, cost, choices }, i) => {
    const next = new Float64Array(STEPS + 1).fill(Infinity);
    const chosen = new Int32Array(STEPS + 1);
    for (const kept of choices) {
      const steps = Math.ceil((cost[kept]! - floor[i]!) / step - 1e-9);
      for (let spent = steps; spent <= STEPS; spent++) {
        const total = best[spent - steps]! + loss[kept]!;
        if (total < next[spent]!) [next[spent], chosen[spent]] = [total, kept];
      }
    }
    best = next;
    return chosen;
  });
  let left = STEPS;
  return curves
    .map((_, i) => i)
    .toReversed()
    .map((i) => {
      const kept = taken[i]![left]!;
      left -= Math.ceil((curves[i]!.cost[kept]! - floor[i]!) / step - 1e-9);
      return kept;
    })
    .toReversed();
}
