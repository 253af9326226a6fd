// Where a run stands: all that is needed to go on, beside the arrays. Plain data, so that it is JSON.
import type { LossScaleState } from './loss-scale.ts';
import type { CurvePoint, Evaluation } from './types.ts';

export interface TrainState {
  /** Steps begun, those that were skipped counted. */
  step: number;
  /** Steps the optimizer took. */
  updates: number;
  epoch: number;
  /** Batches of this epoch that were trained on. */
  batch: number;
  /** Seconds of the loop. */
  seconds: number;
  /** The last step whose loss or gradient was not finite. */
  lastBad: number | null;
  /** Of fp16. */
  scaling?: LossScaleState | undefined;
  best: Evaluation | null;
  /** Step of the last evaluation. */
  evaluated: number | null;
  /** Evaluations since the best one. */
  sinceBest: number;
  evaluations: Evaluation[];
  /** Share of zeros that the schedule of sparsity has asked for so far. */
  thinned: number;
  curve: CurveState;
}

/** A curve that is still drawn: points, and sums over the steps since the last one. */
export interface CurveState {
  points: CurvePoint[];
  /** Steps a point stands for. */
  stride: number;
  count: number;
  loss: number;
  parts: Record<string, number>;
}

/** More points than this are halved. */
const POINTS = 400;

export function startState(): TrainState {
  return {
    step: 0,
    updates: 0,
    epoch: 0,
    batch: 0,
    seconds: 0,
    lastBad: null,
    best: null,
    evaluated: null,
    sinceBest: 0,
    evaluations: [],
    thinned: 0,
    curve: { points: [], stride: 1, count: 0, loss: 0, parts: {} },
  };
}

/** Adds a step to the curve; when it has too many points, every two become one. */
export function draw(curve: CurveState, step: number, loss: number, parts: Record<string, number>, rate: number): void {
  curve.count++;
  curve.loss += loss;
  for (const [name, value] of Object.entries(parts)) curve.parts[name] = (curve.parts[name] ?? 0) + value;
  if (curve.count < curve.stride) return;
  const means = Object.entries(curve.parts).map(([name, sum]) => [name, sum / curve.count] as const);
  curve.points.push({ step, loss: curve.loss / curve.count, parts: Object.fromEntries(means), rate });
  Object.assign(curve, { count: 0, loss: 0, parts: {} });
  if (curve.points.length < POINTS) return;
  curve.points = Array.from({ length: POINTS / 2 }, (_, i) => joined(curve.points[2 * i]!, curve.points[2 * i + 1]!));
  curve.stride *= 2;
}

function joined(a: CurvePoint, b: CurvePoint): CurvePoint {
  const parts = Object.entries(a.parts).map(([name, value]) => [name, (value + (b.parts[name] ?? 0)) / 2] as const);
  return { step: b.step, loss: (a.loss + b.loss) / 2, parts: Object.fromEntries(parts), rate: b.rate };
}
