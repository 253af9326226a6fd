// Turns a batch of token rows into the tensors that a model's inputs take.
import { ModelError } from '../errors.ts';
import type { Batch } from '../data/batches.ts';
import type { DataType } from '../ir/dtype.ts';
import type { HostTensor, TypedArray, ValueSpec } from '../runtime/session.ts';
import type { InputRoles } from './roles.ts';

/** What a batch brings to the inputs: arrays row-major [size, sequence]. */
export type TokenArrays = Pick<Batch, 'size' | 'sequence' | 'ids' | 'mask' | 'segments'>;

/**
 * A tensor for every input, in its own element type.
 * @throws ModelError naming an input without a role or of a type that holds no token ids
 */
export function makeFeeds(
  inputs: readonly ValueSpec[],
  roles: InputRoles,
  batch: TokenArrays,
): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {};
  for (const input of inputs) {
    feeds[input.name] = {
      dtype: input.dtype,
      dims: [batch.size, batch.sequence],
      data: convert(input, valuesFor(input.name, roles, batch)),
    };
  }
  return feeds;
}

function valuesFor(name: string, roles: InputRoles, batch: TokenArrays): Int32Array | Uint8Array {
  if (name === roles.ids) return batch.ids;
  if (name === roles.mask) return batch.mask;
  if (name === roles.segments) return batch.segments;
  if (name === roles.positions) return positionsOf(batch);
  throw new ModelError(
    `input '${name}': expected ids, mask, segments or positions, found an input that cannot be fed from text`,
  );
}

/** 0, 1, 2 … over the tokens of each row, wherever its padding lies; 0 on padding. */
function positionsOf({ size, sequence, mask }: TokenArrays): Int32Array {
  const positions = new Int32Array(size * sequence);
  for (let row = 0; row < size; row++) {
    let position = 0;
    for (let i = row * sequence; i < (row + 1) * sequence; i++) positions[i] = mask[i] === 1 ? position++ : 0;
  }
  return positions;
}

type Conversion = (values: Int32Array | Uint8Array) => TypedArray;

const conversions: Partial<Record<DataType, Conversion>> = {
  int64: toInt64,
  int32: (values) => Int32Array.from(values),
  int16: (values) => Int16Array.from(values),
  int8: (values) => Int8Array.from(values),
  uint8: (values) => Uint8Array.from(values),
  bool: (values) => Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)),
  float32: (values) => Float32Array.from(values),
};

function convert(input: ValueSpec, values: Int32Array | Uint8Array): TypedArray {
  const conversion = conversions[input.dtype];
  if (conversion === undefined) {
    throw new ModelError(`input '${input.name}': expected int64, int32 or float32, found ${input.dtype}`);
  }
  return conversion(values);
}

/**
 * Writes the low words of 64-bit integers instead of making a BigInt each: ids are never negative, and onnxruntime
 * exists for little-endian machines only.
 */
function toInt64(values: Int32Array | Uint8Array): BigInt64Array {
  const result = new BigInt64Array(values.length);
  const words = new Int32Array(result.buffer);
  for (let i = 0; i < values.length; i++) words[2 * i] = values[i]!;
  return result;
}
