// Picking slices of a tensor along an axis, and the size of each slice.
import { byteLengthOf } from '../../ir/dtype.ts';
import { asFloat32, elementCount, lazyTensor, type Tensor } from '../../ir/tensor.ts';

/** The slices `indices` of a tensor along an axis, in that order; made when they are wanted. Element types of whole bytes. */
export function pick(tensor: Tensor, axis: number, indices: readonly number[]): Tensor {
  const { dtype, shape } = tensor;
  const outer = elementCount(shape.slice(0, axis));
  const width = byteLengthOf(dtype, elementCount(shape.slice(axis + 1)));
  const size = shape[axis]! * width;
  return lazyTensor(dtype, shape.with(axis, indices.length), () => {
    const from = tensor.bytes();
    const to = new Uint8Array(outer * indices.length * width);
    for (let o = 0, at = 0; o < outer; o++) {
      for (const index of indices) {
        const start = o * size + index * width;
        to.set(from.subarray(start, start + width), at);
        at += width;
      }
    }
    return to;
  });
}

/** Slices along an axis of a float32 tensor, each times a factor of its own; made when they are wanted. */
export function scaled(tensor: Tensor, axis: number, factors: readonly number[]): Tensor {
  const { shape } = tensor;
  const inner = elementCount(shape.slice(axis + 1));
  return lazyTensor('float32', shape, () => {
    const values = asFloat32(tensor).map((x, i) => x * factors[Math.floor(i / inner) % factors.length]!);
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  });
}

/** Sum of squares of each slice along an axis of a float32 tensor. */
export function squares(tensor: Tensor, axis: number): Float64Array {
  const { shape } = tensor;
  const [size, inner] = [shape[axis]!, elementCount(shape.slice(axis + 1))];
  const sums = new Float64Array(size);
  asFloat32(tensor).forEach((x, i) => (sums[Math.floor(i / inner) % size]! += x * x));
  return sums;
}

/** Numbers of the `count` largest, ascending; of equal ones the first. */
export function largest(values: Float64Array, count: number): number[] {
  const order = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}
