// The change of an output projection that brings a pruned block nearest to the original: ridge regression from sums.
import { cholesky, choleskySolve } from '../../math/cholesky.ts';

/** Weighted sums over tokens: x what the projection reads [in], d what its sum lacks to the original's [out], w the weight. */
export interface Sums {
  /** sum of w x x^T [in, in] */
  readonly gram: Float64Array;
  /** sum of w x d^T [in, out] */
  readonly cross: Float64Array;
  /** sum of w x [in] and of w d [out] */
  readonly inputs: Float64Array;
  readonly lacking: Float64Array;
  /** sum of w */
  readonly weight: number;
  /** sum of w d^2 */
  readonly error: number;
}

export interface Fit {
  /** To be added to the weight [in, out] and the bias [out]. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/**
 * Minimises sum w |d - D^T x - b|^2 + ridge |D|^2 over D and b; without `biased` b is 0.
 * @returns undefined where the system is not positive definite in float64
 */
export function solveFit(
  sums: Sums,
  sizes: readonly [number, number],
  ridge: number,
  biased: boolean,
): Fit | undefined {
  const [n, out] = sizes;
  const { inputs, lacking, weight } = sums;
  const gram = sums.gram.slice();
  const cross = sums.cross.slice();
  if (biased)
    for (let i = 0; i < n; i++) {
      const share = inputs[i]! / weight;
      for (let j = 0; j < n; j++) gram[i * n + j] = gram[i * n + j]! - share * inputs[j]!;
      for (let c = 0; c < out; c++) cross[i * out + c] = cross[i * out + c]! - share * lacking[c]!;
    }
  let mean = 0;
  for (let i = 0; i < n; i++) mean += gram[i * n + i]! / n;
  for (let i = 0; i < n; i++) gram[i * n + i] = gram[i * n + i]! + ridge * mean;
  if (cholesky(gram, n) >= 0) return undefined;
  choleskySolve(gram, n, cross, out);
  const bias = new Float64Array(out);
  if (biased)
    for (let c = 0; c < out; c++) {
      let sum = lacking[c]!;
      for (let i = 0; i < n; i++) sum -= inputs[i]! * cross[i * out + c]!;
      bias[c] = sum / weight;
    }
  return { weight: cross, bias };
}

/** Share of `error` that is left on other tokens than those the fit was made from: below 1 it helps. */
export function errorLeft({ weight: d, bias: b }: Fit, sums: Sums, [n, out]: readonly [number, number]): number {
  const { gram, cross, inputs, lacking, weight, error } = sums;
  const column = new Float64Array(out);
  let change = 0;
  for (let i = 0; i < n; i++) {
    column.fill(0);
    // row i of H D, then its part of trace(D^T H D) - 2 trace(D^T C) + 2 b^T D^T sum(w x)
    for (let j = 0; j < n; j++) {
      const h = gram[i * n + j]!;
      for (let c = 0; c < out; c++) column[c] = column[c]! + h * d[j * out + c]!;
    }
    for (let c = 0; c < out; c++)
      change += d[i * out + c]! * (column[c]! - 2 * cross[i * out + c]! + 2 * b[c]! * inputs[i]!);
  }
  for (let c = 0; c < out; c++) change += b[c]! * (weight * b[c]! - 2 * lacking[c]!);
  return 1 + change / error;
}
