// Importance by the first-order Taylor term of removing a unit (Michel et al. 2019; Molchanov et al. 2017).

/** Mean over samples of |g_i|, g_i the derivative of the loss by the mask of unit i: what the loss changes by at mask zero. */
export function taylor(masks: Float32Array, units: number): Float64Array {
  const sums = new Float64Array(units);
  for (let i = 0; i < masks.length; i++) sums[i % units] = sums[i % units]! + Math.abs(masks[i]!);
  return sums.map((sum) => sum / (masks.length / units));
}
