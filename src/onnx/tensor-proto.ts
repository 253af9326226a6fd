// TensorProto <-> Tensor: payloads in the message, in the file, beside the file, or in typed fields.
import { openSync, readSync, closeSync } from 'node:fs';
import { ModelError } from '../errors.ts';
import { byteLengthOf, dataTypeCode, dataTypeOf, type DataType } from '../ir/dtype.ts';
import { elementCount, type FileSlice, type Tensor } from '../ir/tensor.ts';
import { reading } from '../system-errors.ts';
import type { ExternalFiles } from './external.ts';
import type { LiftedPayload } from './lift.ts';
import { DOUBLE_DATA, FLOAT_DATA, RAW_DATA } from './paths.ts';
import { fromBigInt, has, LIFTED_FIELD, toBigInt, toNumber, type TensorProto } from './schema.ts';

/** What a tensor read from a file carries for the writer: its message without payload, and the field the payload stood in. */
export interface StoredTensor {
  readonly message: TensorProto;
  /** 4 float_data, 9 raw_data, 10 double_data, 0 where the payload is in the message itself (typed integers, strings). */
  readonly field: number;
  readonly external: boolean;
}

/** Where a reader finds payloads: the file, what lift.ts left in it, and the files beside it. */
export interface PayloadSource {
  readonly path: string;
  readonly payloads: readonly LiftedPayload[];
  readonly external: ExternalFiles;
  /** Indices of the payloads that a tensor has taken: each belongs to exactly one. */
  readonly claimed: Set<number>;
  /** For models decoded from memory: its bytes instead of `path`. */
  readonly memory?: Uint8Array;
}

const EXTERNAL = 1; // TensorProto.DataLocation
const maxDims = 64; // onnxruntime stops far earlier; a claim of more is no tensor

/** The Tensor of a message. Throws ModelError, naming the tensor, where type, shape and bytes disagree. */
export function tensorOf(message: TensorProto, source: PayloadSource): Tensor {
  const name = message.name ?? '';
  const where = `${source.path}: tensor '${name}'`;
  const dtype = dataTypeOf(message.dataType ?? 0);
  if (dtype === undefined || dtype === 'undefined') {
    throw new ModelError(`${where}: expected an ONNX element type, found code ${message.dataType ?? 0}`);
  }
  const shape = shapeOf(message, where);
  if (dtype === 'string') return stringTensor(message, shape, where);
  const byteLength = byteLengthOf(dtype, elementCount(shape));
  const stored = (field: number): StoredTensor => ({ message, field, external: message.dataLocation === EXTERNAL });
  if (message.dataLocation === EXTERNAL) {
    if (has(message, 'lifted') || message.rawData?.length) {
      throw new ModelError(`${where}: expected its bytes in one place, found raw_data and external data`);
    }
    return sliceTensor(
      dtype,
      shape,
      source.external.resolve(name, message.externalData ?? [], byteLength),
      stored(RAW_DATA),
    );
  }
  if (has(message, 'lifted')) {
    const index = message.lifted ?? -1;
    const payload = source.payloads[index];
    // the field's number is ours only in memory: a file that sets it would point into another tensor's bytes
    if (!payload || source.claimed.has(index))
      throw new ModelError(`${where}: expected its own bytes, found field ${LIFTED_FIELD} in the file`);
    source.claimed.add(index);
    expectField(where, dtype, payload.field);
    expectLength(where, dtype, shape, byteLength, payload.length);
    const { offset, length } = payload;
    if (source.memory) {
      const bytes = source.memory.subarray(offset, offset + length);
      return { dtype, shape, byteLength, bytes: () => bytes, stored: stored(payload.field) };
    }
    return sliceTensor(dtype, shape, { path: source.path, offset, length }, stored(payload.field));
  }
  const bytes = message.rawData && message.rawData.length > 0 ? message.rawData : typedBytes(message, dtype);
  expectLength(where, dtype, shape, byteLength, bytes.length);
  return { dtype, shape, byteLength, bytes: () => bytes, stored: stored(0) };
}

/** float_data holds float32 and complex64, double_data float64 and complex128 (onnx.proto); raw_data holds all. */
function expectField(where: string, dtype: DataType, field: number): void {
  const fits =
    field === FLOAT_DATA ? ['float32', 'complex64'] : field === DOUBLE_DATA ? ['float64', 'complex128'] : [dtype];
  if (!fits.includes(dtype))
    throw new ModelError(`${where}: expected ${fits.join(' or ')} in field ${field}, found ${dtype}`);
}

function expectLength(where: string, dtype: DataType, shape: readonly number[], expected: number, found: number): void {
  if (expected !== found)
    throw new ModelError(`${where}: expected ${expected} bytes for ${dtype}[${shape.join(',')}], found ${found}`);
}

function shapeOf(message: TensorProto, where: string): number[] {
  const rank = message.dims?.length ?? 0;
  if (rank > maxDims) throw new ModelError(`${where}: expected at most ${maxDims} dimensions, found ${rank}`);
  const dims = (message.dims ?? []).map(toBigInt);
  let product = 1n;
  for (const dim of dims) {
    if (dim < 0n) throw new ModelError(`${where}: expected dimensions of at least 0, found ${dim}`);
    product *= dim;
  }
  // a zero dimension hides an overflow of the others: test each as well
  if (product > 2n ** 50n || dims.some((dim) => dim > 2n ** 50n)) {
    throw new ModelError(`${where}: expected at most 2^50 elements, found shape [${dims.join(',')}]`);
  }
  return dims.map(Number);
}

function stringTensor(message: TensorProto, shape: readonly number[], where: string): Tensor {
  const strings = message.stringData ?? [];
  if (strings.length !== elementCount(shape)) {
    throw new ModelError(`${where}: expected ${elementCount(shape)} strings, found ${strings.length}`);
  }
  const byteLength = strings.reduce((sum, text) => sum + text.length, 0);
  const stored: StoredTensor = { message, field: 0, external: false };
  const bytes = (): never => {
    throw new TypeError('a string tensor has no raw bytes');
  };
  return { dtype: 'string', shape, byteLength, bytes, strings, stored };
}

function sliceTensor(dtype: DataType, shape: readonly number[], slice: FileSlice, stored: StoredTensor): Tensor {
  return {
    dtype,
    shape,
    byteLength: slice.length,
    bytes() {
      const bytes = new Uint8Array(slice.length);
      readSlice(slice, bytes, 0);
      return bytes;
    },
    readInto: (into, offset) => readSlice(slice, into, offset),
    slice,
    stored,
  };
}

/** Fill `into` from `offset` bytes into a slice. Throws ModelError where the file has gone or become shorter since it was opened. */
function readSlice(slice: FileSlice, into: Uint8Array, offset: number): void {
  reading(slice.path, () => {
    const fd = openSync(slice.path, 'r');
    try {
      for (let done = 0; done < into.length;) {
        const got = readSync(fd, into, done, Math.min(into.length - done, 1 << 30), slice.offset + offset + done);
        if (got === 0)
          throw new ModelError(
            `${slice.path}: expected ${slice.length} bytes at ${slice.offset}, found ${offset + done}: the file has changed`,
          );
        done += got;
      }
    } finally {
      closeSync(fd);
    }
  });
}

/** Typed fields as raw_data bytes (onnx.proto: which field holds which type). */
function typedBytes(message: TensorProto, dtype: DataType): Uint8Array {
  const bytesOf = (array: ArrayBufferView): Uint8Array =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return bytesOf(Float32Array.from(message.floatData ?? []));
    case 'float64':
    case 'complex128':
      return bytesOf(Float64Array.from(message.doubleData ?? []));
    case 'int64':
      return bytesOf(BigInt64Array.from((message.int64Data ?? []).map(toBigInt)));
    case 'uint64':
      return bytesOf(BigUint64Array.from((message.uint64Data ?? []).map(toBigInt)));
    case 'uint32':
      return bytesOf(Uint32Array.from((message.uint64Data ?? []).map((value) => Number(toBigInt(value)))));
    case 'int32':
      return bytesOf(Int32Array.from(message.int32Data ?? []));
    case 'int16':
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return bytesOf(Uint16Array.from(message.int32Data ?? []));
    default:
      return bytesOf(Uint8Array.from(message.int32Data ?? []));
  }
}

/** Message of a tensor without its payload, and the field its payload goes to (0: it is in the message already). */
export function tensorProtoOf(name: string, tensor: Tensor): { message: TensorProto; field: number } {
  const stored = storedAs(tensor);
  if (stored?.field === 0) return { message: renamed(stored.message, name), field: 0 };
  if (stored) {
    const { lifted: _lifted, ...inside } = keepUnknown(stored.message);
    const { externalData: _data, dataLocation: _location, ...rest } = inside;
    return { message: rename(stored.external ? rest : inside, name), field: stored.field };
  }
  const dims = tensor.shape.map((dim) => fromBigInt(BigInt(dim)));
  const message: TensorProto = { dims, dataType: dataTypeCode(tensor.dtype), name };
  if (tensor.strings) return { message: { ...message, stringData: [...tensor.strings] }, field: 0 };
  return { message, field: RAW_DATA };
}

/** How a tensor was stored; undefined where a pass gave it another type or shape (`{ ...tensor, shape }`). */
function storedAs(tensor: Tensor): StoredTensor | undefined {
  const stored = tensor.stored as StoredTensor | undefined; // only this file sets it
  const dims = stored?.message.dims ?? [];
  const same = dims.length === tensor.shape.length && dims.every((dim, i) => toNumber(dim) === tensor.shape[i]);
  return same && stored?.message.dataType === dataTypeCode(tensor.dtype) ? stored : undefined;
}

function renamed(message: TensorProto, name: string): TensorProto {
  return (message.name ?? '') === name ? message : rename(keepUnknown(message), name);
}

function rename(message: TensorProto, name: string): TensorProto {
  if ((message.name ?? '') !== name) message.name = name;
  return message;
}

/** A shallow copy of a decoded message that keeps its unknown fields (protobufjs holds them in a non-enumerable property). */
export function keepUnknown<T extends object>(message: T): T & { $unknowns?: Uint8Array[] } {
  const unknowns = (message as { $unknowns?: Uint8Array[] }).$unknowns;
  return unknowns ? { ...message, $unknowns: unknowns } : { ...message };
}
