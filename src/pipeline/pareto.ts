// Which models nobody would leave for another: the Pareto front over size, time and score.
import { geometricMeanSpeedup } from '../evaluate/latency.ts';
import type { Candidate } from '../report/schema.ts';

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

/**
 * Marks the candidates on the front, the original taking part: over size, over time where latency was measured (the
 * original's over its speedup, the geometric mean over the shapes), and over the metric where there is one.
 */
export function withPareto(bytes: number, candidates: readonly Candidate[]): Candidate[] {
  const points = candidates.map(({ output, latency, accuracy }) => ({
    size: output.bytes,
    time: latency && latency.length > 0 ? 1 / geometricMeanSpeedup(latency) : undefined,
    score: accuracy?.after,
  }));
  const original = { size: bytes, time: 1, score: candidates[0]?.accuracy?.before };
  const [, ...front] = paretoFront([original, ...points]);
  return candidates.map((candidate, i) => ({ ...candidate, pareto: front[i]! }));
}
