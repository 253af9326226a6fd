// Importance by the size of what a unit adds to the residual stream: weights times activations (Sun et al. 2024).

/**
 * Sum over a unit's features of |W_i|^2 |x_i|^2: Wanda's |w| |x| squared, summed over the weights of the unit.
 * @param weight output projection [features, out]
 * @param squares sum over tokens of x^2 [features]
 */
export function wanda(weight: Float32Array, squares: Float64Array, units: number): Float64Array {
  const out = weight.length / squares.length;
  const unit = squares.length / units;
  const scores = new Float64Array(units);
  for (let i = 0; i < weight.length; i++) {
    const feature = Math.floor(i / out);
    const at = Math.floor(feature / unit);
    scores[at] = scores[at]! + weight[i]! ** 2 * squares[feature]!;
  }
  return scores;
}
