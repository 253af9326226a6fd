// Which heads and neurons of one layer are most like those of another: a layer computes the same in any order of them.
import type { Dense } from '../../bert/types.ts';
import { asFloat32, elementCount } from '../../ir/tensor.ts';
import { assign } from '../../math/assignment.ts';
import { axisOf, type Side } from '../structure/picks.ts';

/** Dense layers of one kind of feature: the side on which the features lie. */
type Group = readonly { readonly dense: Dense; readonly side: Side }[];

/**
 * The order of `other`'s features in which their weights lie nearest those of `leader`: position i takes feature `order[i]`. Nearest is
 * the least sum of squared differences over all weights of a feature, which is the greatest sum of inner products (Li et al. 2015,
 * Ainsworth et al. 2023, "weight matching", for one layer).
 * @param count of features: heads or neurons; a head is several neighbouring slices of its weights
 */
export function alignment(leader: Group, other: Group, count: number): number[] {
  const products = new Float64Array(count * count);
  for (const [i, { dense, side }] of leader.entries())
    addProducts(products, vectors(dense, side, count), vectors(other[i]!.dense, side, count), count);
  return [...assign(products.map((product) => -product), count)]; // prettier-ignore
}

/** [count, weights of a feature]: each feature's weights in one row. */
function vectors(dense: Dense, side: Side, count: number): Float32Array {
  const { tensor } = dense.weight;
  const { shape } = tensor;
  const axis = axisOf(dense, side);
  const values = asFloat32(tensor);
  const inner = elementCount(shape.slice(axis + 1));
  const slices = shape[axis]! / count; // of a feature
  const outer = elementCount(shape.slice(0, axis));
  const width = slices * inner;
  if (outer === 1) return values;
  const rows = new Float32Array(values.length);
  for (let o = 0; o < outer; o++)
    for (let feature = 0; feature < count; feature++) {
      const from = (o * count + feature) * width;
      rows.set(values.subarray(from, from + width), (feature * outer + o) * width);
    }
  return rows;
}

/** products[i, j] += a_i . b_j, in blocks that stay in the cache. */
function addProducts(products: Float64Array, a: Float32Array, b: Float32Array, count: number): void {
  const width = a.length / count;
  const BLOCK = 16;
  for (let first = 0; first < count; first += BLOCK)
    for (let j = 0; j < count; j++)
      for (let i = first; i < Math.min(first + BLOCK, count); i++)
        products[i * count + j]! += dot(a, i * width, b, j * width, width);
}

function dot(a: Float32Array, i: number, b: Float32Array, j: number, width: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < width; k += 4) {
    s0 += a[i + k]! * b[j + k]!;
    s1 += a[i + k + 1]! * b[j + k + 1]!;
    s2 += a[i + k + 2]! * b[j + k + 2]!;
    s3 += a[i + k + 3]! * b[j + k + 3]!;
  }
  for (; k < width; k++) s0 += a[i + k]! * b[j + k]!;
  return s0 + s1 + s2 + s3;
}
