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
 * What rounding leaves of the budget is filled.
 * @returns undefined where the cheapest choices cost more than `most`
 */
export function cheapest(curves: readonly Curve[], most: number): number[] | undefined {
  const floor = curves.map(({ cost, choices }) => Math.min(...choices.map((kept) => cost[kept]!)));
  const room = most - floor.reduce((sum, cost) => sum + cost, 0);
  if (room < 0) return undefined;
  const stepsOf = ({ cost }: Curve, i: number, kept: number): number => {
    const above = cost[kept]! - floor[i]!;
    return above <= 0 ? 0 : Math.ceil((above / room) * STEPS - 1e-6);
  };
  let best = new Float64Array(STEPS + 1);
  const taken = curves.map((curve, i) => {
    const next = new Float64Array(STEPS + 1).fill(Infinity);
    const chosen = new Int32Array(STEPS + 1);
    for (const kept of curve.choices) {
      const steps = stepsOf(curve, i, kept);
      for (let spent = steps; spent <= STEPS; spent++) {
        const total = best[spent - steps]! + curve.loss[kept]!;
        if (total < next[spent]!) [next[spent], chosen[spent]] = [total, kept];
      }
    }
    best = next;
    return chosen;
  });
  const found = curves.map(() => 0);
  let left = STEPS;
  for (let i = curves.length - 1; i >= 0; i--) {
    found[i] = taken[i]![left]!;
    left -= stepsOf(curves[i]!, i, found[i]!);
  }
  return filled(curves, found, most);
}

/** What the rounding of costs left of the budget goes where it lowers the loss most. */
function filled(curves: readonly Curve[], found: readonly number[], most: number): number[] {
  const kept = [...found];
  for (;;) {
    const spent = kept.reduce((sum, count, i) => sum + curves[i]!.cost[count]!, 0);
    let best: { i: number; to: number; gain: number } | undefined;
    for (const [i, { loss, cost, choices }] of curves.entries())
      for (const to of choices) {
        const gain = loss[kept[i]!]! - loss[to]!;
        const fits = spent - cost[kept[i]!]! + cost[to]! <= most * (1 + 1e-12);
        if (gain > (best?.gain ?? 0) && fits) best = { i, to, gain };
      }
    if (!best) return kept;
    kept[best.i] = best.to;
  }
}
