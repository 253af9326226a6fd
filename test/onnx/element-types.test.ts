// Tensors of every element type, in raw_data and in typed fields, read and written.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { byteLengthOf, dataTypeCode, type DataType } from '../../src/ir/dtype.ts';
import { memoryTensor, type Tensor } from '../../src/ir/tensor.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import '../support/equal-model.ts';
import * as pb from '../support/proto.ts';
import { tempDir, writeTemp } from '../support/temp.ts';
import { tinyBert } from '../support/bert.ts';

const types: readonly DataType[] = [
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
];
const FLOAT_DATA = 4;
const INT32_DATA = 5;
const INT64_DATA = 7;
const DOUBLE_DATA = 10;
const UINT64_DATA = 11;

function only(path: string): Tensor {
  return readModel(path).graph.initializers.get('t')!;
}

/** Read a model holding one tensor, write it, and expect an equal file; gives the tensor. */
function roundTrip(content: Uint8Array): Tensor {
  const path = writeTemp(pb.holder(content));
  const copy = join(tempDir(), 'model.onnx');
  writeModel(readModel(path), copy);
  expect(copy).toEqualModel(path);
  expect(only(copy).shape).toEqual(only(path).shape);
  if (only(path).dtype !== 'string') expect(only(copy).bytes()).toEqual(only(path).bytes());
  return only(path);
}

describe('raw_data', () => {
  test.each(types.flatMap((dtype) => [3, 2051].map((count) => [dtype, count] as const)))(
    '%s[%i] comes back byte for byte',
    (dtype, count) => {
      const data = Uint8Array.from({ length: byteLengthOf(dtype, count) }, (_, i) => (i * 7) % 256);
      const read = roundTrip(pb.tensor('t', dataTypeCode(dtype), [count], pb.len(9, data)));
      expect(read.dtype).toBe(dtype);
      expect(read.bytes()).toEqual(data);
      expect(read.byteLength).toBe(data.length);
      expect(read.slice !== undefined).toBe(data.length >= 1024);
    },
  );

  test('a tensor of a pass is written with its type, whatever it is', () => {
    const model = tinyBert();
    for (const dtype of types) {
      const data = Uint8Array.from({ length: byteLengthOf(dtype, 5) }, (_, i) => i + 1);
      model.graph.initializers.set(dtype, memoryTensor(dtype, [5, 1], data));
    }
    const path = join(tempDir(), 'model.onnx');
    writeModel(model, path);
    const read = readModel(path).graph.initializers;
    for (const dtype of types) {
      expect(read.get(dtype)).toMatchObject({ dtype, shape: [5, 1] });
      expect(read.get(dtype)!.bytes()).toEqual(model.graph.initializers.get(dtype)!.bytes());
    }
  });

  test('scalars and empty tensors', () => {
    expect(roundTrip(pb.tensor('t', 1, [], pb.len(9, pb.bytesOf(Float32Array.of(2.5))))).shape).toEqual([]);
    expect(roundTrip(pb.tensor('t', 1, [0, 3])).byteLength).toBe(0);
    expect(roundTrip(pb.tensor('t', 7, [0], pb.len(9, ''))).byteLength).toBe(0);
  });
});

describe('typed fields', () => {
  const packed = (field: number, ...values: readonly (number | bigint)[]): Uint8Array =>
    pb.len(field, ...values.map(pb.varint));

  test.each([
    [
      'float_data, packed',
      1,
      pb.len(FLOAT_DATA, pb.bytesOf(Float32Array.of(1.5, -0, NaN))),
      Float32Array.of(1.5, -0, NaN),
    ],
    [
      'float_data, one by one',
      1,
      pb.concat(pb.float(FLOAT_DATA, 1.5), pb.float(FLOAT_DATA, 2), pb.float(FLOAT_DATA, 3)),
      Float32Array.of(1.5, 2, 3),
    ],
    [
      'double_data',
      11,
      pb.len(DOUBLE_DATA, pb.bytesOf(Float64Array.of(0.1, -2, Infinity))),
      Float64Array.of(0.1, -2, Infinity),
    ],
    [
      'int32_data as int32',
      6,
      packed(INT32_DATA, -1, 2 ** 31 - 1, -(2 ** 31)),
      Int32Array.of(-1, 2 ** 31 - 1, -(2 ** 31)),
    ],
    ['int32_data as int16', 5, packed(INT32_DATA, -1, 32767, -32768), Int16Array.of(-1, 32767, -32768)],
    ['int32_data as uint16', 4, packed(INT32_DATA, 0, 65535, 7), Uint16Array.of(0, 65535, 7)],
    ['int32_data as int8', 3, packed(INT32_DATA, -128, 127, -1), Int8Array.of(-128, 127, -1)],
    ['int32_data as uint8', 2, packed(INT32_DATA, 255, 0, 1), Uint8Array.of(255, 0, 1)],
    ['int32_data as bool', 9, packed(INT32_DATA, 1, 0, 1), Uint8Array.of(1, 0, 1)],
    [
      'int32_data as float16 bits',
      10,
      packed(INT32_DATA, 0x3c00, 0xfbff, 0x8000),
      Uint16Array.of(0x3c00, 0xfbff, 0x8000),
    ],
    ['int32_data as bfloat16 bits', 16, packed(INT32_DATA, 0x3f80, 0xff7f, 1), Uint16Array.of(0x3f80, 0xff7f, 1)],
    ['int32_data as float8', 17, packed(INT32_DATA, 0x7e, 0xfe, 1), Uint8Array.of(0x7e, 0xfe, 1)],
    ['int32_data as packed int4', 22, packed(INT32_DATA, 0x87, 0x0f), Uint8Array.of(0x87, 0x0f)],
    [
      'int64_data',
      7,
      packed(INT64_DATA, -1n, 2n ** 63n - 1n, -(2n ** 63n)),
      BigInt64Array.of(-1n, 2n ** 63n - 1n, -(2n ** 63n)),
    ],
    ['uint64_data', 13, packed(UINT64_DATA, 0n, 2n ** 64n - 1n, 5n), BigUint64Array.of(0n, 2n ** 64n - 1n, 5n)],
    ['uint64_data as uint32', 12, packed(UINT64_DATA, 0, 2 ** 32 - 1, 5), Uint32Array.of(0, 2 ** 32 - 1, 5)],
  ])('%s', (_title, type, data, expected) => {
    expect(roundTrip(pb.tensor('t', type, [3], data)).bytes()).toEqual(pb.bytesOf(expected));
  });

  test('complex numbers lie in float_data and double_data, real part first', () => {
    expect(
      roundTrip(pb.tensor('t', 14, [1], pb.len(FLOAT_DATA, pb.bytesOf(Float32Array.of(1, 2))))).bytes(),
    ).toHaveLength(8);
    expect(
      roundTrip(pb.tensor('t', 15, [1], pb.len(DOUBLE_DATA, pb.bytesOf(Float64Array.of(1, 2))))).bytes(),
    ).toHaveLength(16);
  });

  test('large float_data and double_data stay in the file, and in their field', () => {
    const data = Float32Array.from({ length: 600 }, (_, i) => i / 7);
    const read = roundTrip(pb.tensor('t', 1, [20, 30], pb.len(FLOAT_DATA, pb.bytesOf(data))));
    expect(read.slice?.length).toBe(2400);
    expect(read.bytes()).toEqual(pb.bytesOf(data));
    expect(
      roundTrip(pb.tensor('t', 11, [300], pb.len(DOUBLE_DATA, pb.bytesOf(Float64Array.from(data.subarray(300)))))).slice
        ?.length,
    ).toBe(2400);
  });

  test('large int64_data', () => {
    const data = BigInt64Array.from({ length: 2000 }, (_, i) => BigInt(i) ** 5n - 10n ** 15n);
    expect(roundTrip(pb.tensor('t', 7, [2000], packed(INT64_DATA, ...data))).bytes()).toEqual(pb.bytesOf(data));
  });

  test('strings are bytes, UTF-8 or not', () => {
    const read = roundTrip(pb.tensor('t', 8, [3], pb.len(6, 'weiß'), pb.len(6, ''), pb.len(6, Uint8Array.of(0xff, 0))));
    expect(read.strings).toEqual([new TextEncoder().encode('weiß'), new Uint8Array(0), Uint8Array.of(0xff, 0)]);
    expect(() => read.bytes()).toThrow(TypeError);
  });
});

test('a tensor given another shape by a pass is written with that shape', () => {
  const path = writeTemp(pb.holder(pb.tensor('t', 1, [2, 300], pb.len(9, new Uint8Array(2400).fill(1)))));
  const model = readModel(path);
  model.graph.initializers.set('t', { ...only(path), shape: [600] });
  const copy = join(tempDir(), 'model.onnx');
  writeModel(model, copy);
  expect(only(copy).shape).toEqual([600]);
  expect(only(copy).bytes()).toEqual(only(path).bytes());
});
