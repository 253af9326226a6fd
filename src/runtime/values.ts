// Tensors and value descriptions on both sides of onnxruntime: the one place where its types meet the project's.
import type { InferenceSession, OnnxValue, Tensor, TypedTensor } from 'onnxruntime-node';
import type { DataType } from '../ir/dtype.ts';
import type { HostTensor, TypedArray } from '../ir/host-tensor.ts';

export type { HostTensor, TypedArray } from '../ir/host-tensor.ts';

/** An input or output of a model; a dimension is a number, the name of a free one, or null where nothing is known. */
export interface ValueSpec {
  readonly name: string;
  /** 'undefined' for a value that is no tensor. */
  readonly dtype: DataType;
  readonly shape: readonly (number | string | null)[];
}

/** Array type of each element type that onnxruntime's JavaScript binding takes and gives. */
const arrays: Partial<Record<DataType, abstract new (...args: never[]) => TypedArray>> = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  float16: Uint16Array,
};

/** Describes an input or output. onnxruntime writes an unnamed free dimension as '' and its type names are ours. */
export function specOf(metadata: InferenceSession.ValueMetadata): ValueSpec {
  if (!metadata.isTensor) return { name: metadata.name, dtype: 'undefined', shape: [] };
  return {
    name: metadata.name,
    dtype: metadata.type,
    shape: metadata.shape.map((dimension) => (dimension === '' ? null : dimension)),
  };
}

/**
 * Hands a tensor to onnxruntime without copying.
 * @throws TypeError for an element type it does not take or an array of another type; RangeError for a wrong length
 */
export function toOrt(value: HostTensor, TensorClass: typeof Tensor): Tensor {
  const expected = arrays[value.dtype];
  if (expected === undefined || !(value.data instanceof expected)) {
    throw new TypeError(
      `tensor: expected ${expected?.name ?? 'an element type onnxruntime takes'}, found ${value.data.constructor.name} of ${value.dtype}`,
    );
  }
  // The constructor's overloads tie each type name to its array; that they fit was just checked.
  return new TensorClass(value.dtype as 'float32', value.data as Float32Array, value.dims);
}

/** Takes a tensor over from onnxruntime without copying; throws TypeError for a value that is no numeric tensor. */
export function fromOrt(name: string, value: OnnxValue): HostTensor {
  const tensor = value as TypedTensor<Tensor.Type>;
  const data: unknown = tensor.data;
  if (!ArrayBuffer.isView(data)) throw new TypeError(`output '${name}': expected numbers, found ${tensor.type}`);
  return {
    dtype: tensor.type,
    dims: tensor.dims,
    // Newer Node versions give a Float16Array; its bits are what this project works on.
    data:
      tensor.type === 'float16'
        ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
        : (data as TypedArray),
  };
}
