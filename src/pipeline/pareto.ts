// Which models nobody would leave for another: the Pareto front over size, time and score.

export interface ParetoPoint {
  /** Bytes; less is better. */
  readonly size: number;
  /** Any unit; less is better. */
  readonly time?: number | undefined;
  /** The metric; more is better. */
  readonly score?: number | undefined;
}

/**
 * For each point, whether it is on the front: no other is at least as good in every dimension and better in one. A
 * dimension counts where all points have a number in it; equal points are on the front together.
 */
export function paretoFront(points: readonly ParetoPoint[]): boolean[] {
  const dimensions: ((point: ParetoPoint) => number)[] = [
    (point) => point.size,
    (point) => point.time ?? Number.NaN,
    (point) => -(point.score ?? Number.NaN),
  ];
  const shared = dimensions.filter((cost) => points.every((point) => !Number.isNaN(cost(point))));
  const dominates = (a: ParetoPoint, b: ParetoPoint): boolean =>
    shared.every((cost) => cost(a) <= cost(b)) && shared.some((cost) => cost(a) < cost(b));
  return points.map((point) => !points.some((other) => dominates(other, point)));
}
