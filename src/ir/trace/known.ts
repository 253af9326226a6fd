// Small arrays of known numbers, and how they are read out of tensors.
import type { DataType } from '../dtype.ts';
import { elementCount, type Tensor } from '../tensor.ts';

/** An array whose numbers are known: shapes, axes, scalars, masks. Integers beyond 2^53 lose their last digits. */
export interface Known {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Dimensions of a value; undefined where one is not known. */
export type Dims = readonly (number | undefined)[];

/** Most elements that are ever computed with: a [1,1,512,512] mask fits, a weight does not. */
export const largestKnown = 1 << 18;
/** Boolean and byte constants may be larger: causal masks are kept whole (1024 x 1024 and more) and sliced. */
const largestBytes = 1 << 24;
/** Float constants of rank 2 and less are weights and tables unless they are small. */
const largestMatrix = 1 << 14;

/** A scalar or vector as Known. */
export function known(dtype: DataType, shape: readonly number[], data: ArrayLike<number>): Known {
  return { dtype, shape, data };
}

/** The numbers of a constant, or undefined where it is too large to be anything but a weight. */
export function knownTensor(tensor: Tensor): Known | undefined {
  const count = elementCount(tensor.shape);
  const bytewise = tensor.dtype === 'bool' || tensor.dtype === 'uint8' || tensor.dtype === 'int8';
  const matrix = tensor.shape.length <= 2 && tensor.dtype.includes('float');
  if (count > (bytewise ? largestBytes : matrix ? largestMatrix : largestKnown)) return undefined;
  const data = numbersOf(tensor, count);
  return data && { dtype: tensor.dtype, shape: tensor.shape, data };
}

function numbersOf(tensor: Tensor, count: number): ArrayLike<number> | undefined {
  if (tensor.dtype === 'string') return undefined;
  const bytes = tensor.bytes();
  if (tensor.dtype === 'bool' || tensor.dtype === 'uint8') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readers[tensor.dtype];
  if (!read) return undefined;
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) out[i] = read(view, i);
  return out;
}

const readers: Readonly<Partial<Record<DataType, (view: DataView, i: number) => number>>> = {
  float32: (view, i) => view.getFloat32(4 * i, true),
  float64: (view, i) => view.getFloat64(8 * i, true),
  int64: (view, i) => Number(view.getBigInt64(8 * i, true)),
  uint64: (view, i) => Number(view.getBigUint64(8 * i, true)),
  int32: (view, i) => view.getInt32(4 * i, true),
  uint32: (view, i) => view.getUint32(4 * i, true),
  int16: (view, i) => view.getInt16(2 * i, true),
  uint16: (view, i) => view.getUint16(2 * i, true),
  int8: (view, i) => view.getInt8(i),
  float16: (view, i) => half(view.getUint16(2 * i, true)),
  bfloat16: (view, i) => bfloat(view.getUint16(2 * i, true)),
};

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** bfloat16 is the upper half of a float32. */
function bfloat(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}
