// Importance by the Fisher information of masks: what the loss rises by, to second order, when masks go from one to zero.
import type { Removal } from '../removal.ts';

/** Diagonal: 1/2 mean over samples of g_i^2 (Kwon et al. 2022, equation 8), g_i the derivative by the mask of unit i. */
export function fisherDiagonal(masks: Float32Array, units: number): Float64Array {
  const sums = new Float64Array(units);
  for (let i = 0; i < masks.length; i++) sums[i % units] = sums[i % units]! + masks[i]! * masks[i]!;
  const samples = masks.length / units;
  return sums.map((sum) => sum / (2 * samples));
}

/**
 * The whole matrix of a block: next goes the unit with which the removed set R has the least 1/2 mean over samples of
 * (sum over R of g)^2 (equation 12, solved from nothing removed on). So units that lean on each other go, or stay, together.
 * @param fisher sum over samples of g g^T [units, units]
 */
export function fisherRemoval(fisher: Float32Array, units: number, samples: number): Removal {
  const order = new Int32Array(units);
  const loss = new Float64Array(units);
  const rise = Float64Array.from({ length: units }, (_, j) => fisher[j * units + j]! / (2 * samples));
  const gone = new Uint8Array(units);
  let total = 0;
  for (let step = 0; step < units; step++) {
    let best = -1;
    for (let j = 0; j < units; j++) if (gone[j] === 0 && (best < 0 || rise[j]! < rise[best]!)) best = j;
    gone[best] = 1;
    order[step] = best;
    loss[step] = total += rise[best]!;
    for (let j = 0; j < units; j++) rise[j] = rise[j]! + fisher[best * units + j]! / samples;
  }
  return { order, loss };
}
