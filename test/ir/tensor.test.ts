// Tensors in memory, made lazily or in pieces: sizes, views and what is refused.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asFloat32,
  eachPiece,
  elementCount,
  floats,
  floatView,
  int64s,
  lazyTensor,
  memoryTensor,
  readInto,
  streamedTensor,
} from '../../src/ir/tensor.ts';

test('a scalar has one element, a dimension of 0 none', () => {
  expect(elementCount([])).toBe(1);
  expect(elementCount([3, 0, 5])).toBe(0);
  expect(elementCount([3, 4])).toBe(12);
});

test('memory that does not fit the shape is refused', () => {
  expect(() => memoryTensor('float32', [2], new Float32Array(3))).toThrow(
    'tensor float32[2]: expected 8 bytes, found 12',
  );
  expect(() => memoryTensor('int4', [3], new Uint8Array(1))).toThrow(RangeError);
  expect(memoryTensor('int4', [3], new Uint8Array(2)).byteLength).toBe(2);
  expect(() => lazyTensor('float32', [2], () => new Float32Array(1)).bytes()).toThrow('expected 8 bytes, found 4');
});

test('a part of a larger buffer is taken, not the buffer', () => {
  const buffer = Float32Array.of(1, 2, 3, 4);
  expect(asFloat32(memoryTensor('float32', [2], buffer.subarray(1, 3)))).toEqual(Float32Array.of(2, 3));
});

test('integers of any size', () => {
  const bytes = int64s([3], [-1, 2n ** 63n - 1n, 5]).bytes();
  expect(new BigInt64Array(bytes.buffer)).toEqual(BigInt64Array.of(-1n, 2n ** 63n - 1n, 5n));
});

test('floats are a view where aligned, a copy where not, and only of float32', () => {
  const values = Float32Array.of(1.5, -2);
  expect(asFloat32(floats([2], values))).toEqual(values);
  const shifted = new Uint8Array(9);
  shifted.set(new Uint8Array(values.buffer), 1);
  expect(floatView(shifted.subarray(1))).toEqual(values);
  const aligned = new Uint8Array(values.buffer);
  expect(floatView(aligned).buffer).toBe(values.buffer);
  expect(() => asFloat32(int64s([1], [1]))).toThrow('expected a float32 tensor, found int64');
});

test('a lazy tensor is made each time it is asked for, and not before', () => {
  let made = 0;
  const tensor = lazyTensor('uint8', [2], () => Uint8Array.of(++made, 0));
  expect(made).toBe(0);
  expect(tensor.bytes()[0]).toBe(1);
  expect(tensor.bytes()[0]).toBe(2);
});

describe('pieces', () => {
  const ramp = (into: Uint8Array, offset: number): void =>
    into.forEach((_, i) => (into[i] = ((offset + i) * 31) % 251));
  const whole = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    ramp(bytes, 0);
    return bytes;
  };

  test('make up the whole, in units, from memory and streamed alike', () => {
    const lengths = fc.integer({ min: 0, max: 2_000 }).map((count) => count * 480);
    fc.assert(
      fc.property(lengths, fc.constantFrom(1, 4, 6, 480, 960 * 1000), fc.boolean(), (length, unit, streamed) => {
        const tensor = streamed
          ? streamedTensor('uint8', [length], ramp)
          : memoryTensor('uint8', [length], whole(length));
        const joined = new Uint8Array(length);
        let next = 0;
        eachPiece(tensor, unit, (bytes, offset) => {
          expect(offset).toBe(next);
          if (offset + bytes.length < length) expect(bytes.length % unit).toBe(0);
          joined.set(bytes, offset);
          next += bytes.length;
        });
        expect(next).toBe(length);
        expect(Buffer.compare(joined, whole(length))).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test('can be read from anywhere', () => {
    for (const tensor of [streamedTensor('uint8', [100], ramp), memoryTensor('uint8', [100], whole(100))]) {
      const into = new Uint8Array(10);
      readInto(tensor, into, 55);
      expect(into).toEqual(whole(100).subarray(55, 65));
      expect(tensor.bytes()).toEqual(whole(100));
    }
  });
});
