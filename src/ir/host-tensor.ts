// A tensor as a session takes and gives it: numbers in this process's memory.
import type { DataType } from './dtype.ts';

/** The arrays a tensor's elements lie in. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor in this process's memory, row-major. float16 lies as its bits in a Uint16Array, bool as 0 and 1 in a Uint8Array. */
export interface HostTensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}
