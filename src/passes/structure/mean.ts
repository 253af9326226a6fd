// The mean of weights.
import { asFloat32, lazyTensor, type Tensor } from '../../ir/tensor.ts';

/** Element by element, made when it is wanted; at least one tensor, all float32 of one shape. */
export function meanOf(tensors: readonly Tensor[]): Tensor {
  const [{ shape }] = tensors as readonly [Tensor];
  return lazyTensor('float32', shape, () => {
    const sums = new Float64Array(asFloat32(tensors[0]!).length);
    for (const one of tensors) asFloat32(one).forEach((x, i) => (sums[i]! += x));
    return Float32Array.from(sums, (x) => x / tensors.length);
  });
}
