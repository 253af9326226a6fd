// The knee of a curve of several budgets: where giving up more begins to cost more than before.
import type { Candidate } from '../../report/schema.ts';

/** A model by what is left of its cost and of its score, the original at 1 and its own score. */
export interface CurvePoint {
  readonly share: number;
  readonly score: number;
}

/**
 * The point farthest above the line from the smallest model to the original, both axes scaled to 0 to 1 (Satopaa et al.
 * 2011, "Kneedle"); undefined where none lies above it.
 */
export function kneeOf(points: readonly CurvePoint[], original: CurvePoint): CurvePoint | undefined {
  const all = [...points, original];
  const scaled = (of: (point: CurvePoint) => number) => {
    const [low, high] = [Math.min(...all.map(of)), Math.max(...all.map(of))];
    return (point: CurvePoint): number => (high > low ? (of(point) - low) / (high - low) : 0);
  };
  const [x, y] = [scaled(({ share }) => share), scaled(({ score }) => score)];
  const above = (point: CurvePoint): number => y(point) - x(point);
  const best = points.reduce<CurvePoint | undefined>(
    (a, b) => (a === undefined || above(b) > above(a) ? b : a),
    undefined,
  );
  return best && above(best) > 0 ? best : undefined;
}

/** Least models for a curve that bends. */
const LEAST = 3;

/** Marks the knee among models of several budgets: by their metric, without one by agreement with the original. */
export function withKnee(candidates: readonly Candidate[]): Candidate[] {
  const points = candidates.flatMap(({ structure, accuracy, parity }, index) => {
    const score = accuracy?.after ?? parity?.agreement ?? parity?.cosine;
    return structure && score !== undefined
      ? [{ share: structure.macs.after / structure.macs.before, score, index }]
      : [];
  });
  if (points.length < LEAST || points.length < candidates.length) return [...candidates];
  const knee = kneeOf(points, { share: 1, score: candidates[0]!.accuracy?.before ?? 1 });
  return candidates.map((candidate, i) => ({ ...candidate, ...(points[i] === knee ? { knee: true } : {}) }));
}
