// A tensor: element type, shape and bytes that are read only when asked for.
import { byteLengthOf, type DataType } from './dtype.ts';

/** Where a tensor's bytes lie in a file; the reader checked that the range exists. */
export interface FileSlice {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * An n-dimensional array in ONNX's raw_data layout: row-major, little-endian, sub-byte types packed low bits first.
 * A tensor read from a model stays on disk until `bytes()`; nothing is cached, so hold the result while you need it.
 */
export interface Tensor {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  /** Length of `bytes()`; for strings the sum of the strings' bytes. */
  readonly byteLength: number;
  /** The elements' bytes. Don't write into them: they may be shared. Throws for string tensors. */
  bytes(): Uint8Array;
  /** Fill `into` with the bytes from `offset` on; set where that is cheaper than `bytes()` (a tensor on disk). */
  readInto?(into: Uint8Array, offset: number): void;
  /** String elements (UTF-8 bytes each); only for dtype 'string'. */
  readonly strings?: readonly Uint8Array[];
  /** Set where the bytes lie in a file as they are. */
  readonly slice?: FileSlice;
  /** What the codec keeps to write this tensor back as it was stored; opaque to everyone else. */
  readonly stored?: unknown;
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/** A tensor held in memory. Throws RangeError where bytes and shape disagree (a bug of the caller). */
export function memoryTensor(dtype: DataType, shape: readonly number[], bytes: ArrayBufferView): Tensor {
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expected = byteLengthOf(dtype, elementCount(shape));
  if (view.byteLength !== expected) {
    throw new RangeError(`tensor ${dtype}[${shape.join(',')}]: expected ${expected} bytes, found ${view.byteLength}`);
  }
  return { dtype, shape, byteLength: expected, bytes: () => view };
}

/** A tensor whose bytes a function makes when they are wanted, so that a pass need not hold its output in memory. */
export function lazyTensor(dtype: DataType, shape: readonly number[], make: () => ArrayBufferView): Tensor {
  const byteLength = byteLengthOf(dtype, elementCount(shape));
  return {
    dtype,
    shape,
    byteLength,
    bytes() {
      const made = make();
      if (made.byteLength !== byteLength) {
        throw new RangeError(
          `tensor ${dtype}[${shape.join(',')}]: expected ${byteLength} bytes, found ${made.byteLength}`,
        );
      }
      return new Uint8Array(made.buffer, made.byteOffset, made.byteLength);
    },
  };
}

/** A tensor made in pieces: `fill` writes the bytes from `offset` on into `into`, whatever its length. */
export function streamedTensor(
  dtype: DataType,
  shape: readonly number[],
  fill: (into: Uint8Array, offset: number) => void,
): Tensor {
  const byteLength = byteLengthOf(dtype, elementCount(shape));
  const bytes = (): Uint8Array => {
    const all = new Uint8Array(byteLength);
    fill(all, 0);
    return all;
  };
  return { dtype, shape, byteLength, bytes, readInto: fill };
}

/** Fill `into` with a tensor's bytes from `offset` on. */
export function readInto(tensor: Tensor, into: Uint8Array, offset: number): void {
  if (tensor.readInto) tensor.readInto(into, offset);
  else into.set(tensor.bytes().subarray(offset, offset + into.length));
}

/** Pieces of this size stay in a core's cache, and a large tensor on disk costs no memory. */
const PIECE = 1 << 18;

/** Call `use` with a tensor's bytes in pieces, each a whole number of `unit` bytes and valid only during the call. */
export function eachPiece(tensor: Tensor, unit: number, use: (bytes: Uint8Array, offset: number) => void): void {
  const size = Math.max(unit, Math.floor(PIECE / unit) * unit);
  const whole = tensor.readInto ? undefined : tensor.bytes();
  const buffer = new Uint8Array(tensor.readInto ? Math.min(size, tensor.byteLength) : 0);
  for (let offset = 0; offset < tensor.byteLength; offset += size) {
    const length = Math.min(size, tensor.byteLength - offset);
    if (whole) use(whole.subarray(offset, offset + length), offset);
    else {
      const piece = buffer.subarray(0, length);
      tensor.readInto?.(piece, offset);
      use(piece, offset);
    }
  }
}

/** float32 tensor in memory. */
export function floats(shape: readonly number[], values: ArrayLike<number>): Tensor {
  return memoryTensor('float32', shape, Float32Array.from(values));
}

/** int64 tensor in memory. */
export function int64s(shape: readonly number[], values: readonly (number | bigint)[]): Tensor {
  return memoryTensor('int64', shape, BigInt64Array.from(values, BigInt));
}

/** The elements as float32; a view where the bytes are aligned float32, else a copy. Only for dtype float32. */
export function asFloat32(tensor: Tensor): Float32Array {
  if (tensor.dtype !== 'float32') throw new TypeError(`expected a float32 tensor, found ${tensor.dtype}`);
  return floatView(tensor.bytes());
}

/** Little-endian float32 bytes as numbers: a view where they are aligned, else a copy. */
export function floatView(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
