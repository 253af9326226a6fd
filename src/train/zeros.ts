// Weights that stay or become sparse while they are trained: zeros that gradients do not move, and more of them on a schedule.
import { markSmallest } from '../math/sparsity.ts';
import type { GradualSparsity } from './types.ts';
import type { Weight } from './weights.ts';

/**
 * Sets the gradient of zeros to zero. Where a weight is zero from the start its moments are too, so that AdamW, decay and
 * penalties leave it there: the weight is its own mask, and a checkpoint holds it.
 */
export function maskGradient({ value, ...weight }: Weight): void {
  if (weight.byRows) return;
  const [values, gradient] = [value.data, weight.gradient.data];
  for (let i = 0; i < values.length; i++) if (values[i] === 0) gradient[i] = 0;
}

/**
 * Share of zeros after a share `done` of the run (Zhu and Gupta 2018, equation 1): s = share (1 - (1 - t)^3), t going from 0 to
 * 1 while done goes from `from` to `until`.
 */
export function shareAt({ share, from = 0, until = 0.7 }: GradualSparsity, done: number): number {
  const t = Math.min(1, Math.max(0, (done - from) / (until - from)));
  return share * (1 - (1 - t) ** 3);
}

/** Makes the smallest numbers of a weight zero, and their moments, until `share` of all are. */
export function thinOut({ value, moments }: Weight, share: number): void {
  const marks = new Uint8Array(value.data.length);
  markSmallest(Float64Array.from(value.data, Math.abs), Math.round(share * marks.length), marks);
  for (let i = 0; i < marks.length; i++) {
    if (marks[i] === 0) continue;
    value.data[i] = 0;
    for (const moment of moments) moment[i] = 0;
  }
}
