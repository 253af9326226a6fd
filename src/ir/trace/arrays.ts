// Moving the elements of known arrays: broadcasting, strided views, concatenation, gathering (ONNX broadcasting = numpy's).
import { elementCount } from '../tensor.ts';
import { known, type Dims, type Known } from './known.ts';

/** Shape that several shapes broadcast to; a dimension is undefined where it is not known, the whole where ranks are not. */
export function broadcastDims(shapes: readonly (Dims | undefined)[]): Dims | undefined {
  let out: (number | undefined)[] = [];
  for (const shape of shapes) {
    if (!shape) return undefined;
    const rank = Math.max(out.length, shape.length);
    const a = out;
    out = Array.from({ length: rank }, (_, i) => {
      const x = i < rank - a.length ? 1 : a[i - rank + a.length];
      const y = i < rank - shape.length ? 1 : shape[i - rank + shape.length];
      if (x === 1) return y;
      if (y === 1 || y === undefined) return x;
      return y;
    });
  }
  return out;
}

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = Array.from<number>({ length: shape.length });
  for (let i = shape.length - 1, step = 1; i >= 0; step *= shape[i--]!) strides[i] = step;
  return strides;
}

/** Call `visit(i, offsets)` for every element of `shape` in order, with the offset that each row of strides gives. */
function walk(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (i: number, offsets: number[]) => void,
): void {
  const count = elementCount(shape);
  const at = shape.map(() => 0);
  const offsets = strides.map(() => 0);
  for (let i = 0; i < count; i++) {
    visit(i, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]!++;
      strides.forEach((stride, k) => (offsets[k]! += stride[axis]!));
      if (at[axis]! < shape[axis]!) break;
      strides.forEach((stride, k) => (offsets[k]! -= stride[axis]! * shape[axis]!));
      at[axis] = 0;
    }
  }
}

/** Elements `offset + strides · index` of `source` for every index of `shape`. */
export function strided(source: Known, shape: readonly number[], offset: number, strides: readonly number[]): Known {
  const data = new Float64Array(elementCount(shape));
  walk(shape, [strides], (i, [at]) => (data[i] = source.data[offset + at!]!));
  return known(source.dtype, shape, data);
}

/** Strides that read `from` as if it had the (broadcast) shape `to`. */
function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : own[i - lead]!));
}

/** `source` broadcast to `shape`. */
export function expand(source: Known, shape: readonly number[]): Known {
  return strided(source, shape, 0, broadcastStrides(source.shape, shape));
}

/** Elementwise function of broadcast operands. */
export function elementwise(
  inputs: readonly Known[],
  dtype: Known['dtype'],
  fn: (...args: number[]) => number,
): Known | undefined {
  const shape = broadcastDims(inputs.map((input) => input.shape)) as number[] | undefined;
  if (!shape) return undefined;
  const data = new Float64Array(elementCount(shape));
  const strides = inputs.map((input) => broadcastStrides(input.shape, shape));
  walk(shape, strides, (i, offsets) => (data[i] = fn(...inputs.map((input, k) => input.data[offsets[k]!]!))));
  return known(dtype, shape, data);
}

/** The same numbers in another shape, or undefined where the counts differ. */
export function reshaped(source: Known, shape: Dims | undefined): Known | undefined {
  if (!shape || shape.includes(undefined)) return undefined;
  const dims = shape as readonly number[];
  return elementCount(dims) === source.data.length ? known(source.dtype, dims, source.data) : undefined;
}

/** Concatenation along an axis. */
export function concat(parts: readonly Known[], axis: number): Known {
  const first = parts[0]!;
  const at = axis < 0 ? axis + first.shape.length : axis;
  const shape = first.shape.map((dim, i) => (i === at ? parts.reduce((sum, part) => sum + part.shape[i]!, 0) : dim));
  const data = new Float64Array(elementCount(shape));
  const outer = elementCount(shape.slice(0, at));
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const part of parts) {
      const length = part.data.length / outer;
      for (let i = 0; i < length; i++) data[to++] = part.data[o * length + i]!;
    }
  }
  return known(first.dtype, shape, data);
}

/** ONNX Gather. */
export function gather(source: Known, indices: Known, axis: number): Known {
  const at = axis < 0 ? axis + source.shape.length : axis;
  const outer = elementCount(source.shape.slice(0, at));
  const size = source.shape[at] ?? 1;
  const inner = elementCount(source.shape.slice(at + 1));
  const count = indices.data.length;
  const data = new Float64Array(outer * count * inner);
  for (let o = 0, to = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      const index = indices.data[k]!;
      const from = (o * size + (index < 0 ? index + size : index)) * inner;
      for (let i = 0; i < inner; i++) data[to++] = source.data[from + i]!;
    }
  }
  return known(source.dtype, [...source.shape.slice(0, at), ...indices.shape, ...source.shape.slice(at + 1)], data);
}
