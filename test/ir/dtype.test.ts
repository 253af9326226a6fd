// Element types: codes and sizes as onnx.proto gives them.
import onnxProto from 'onnx-proto';
import { expect, test } from 'vitest';
import { bitsOf, byteLengthOf, dataTypeCode, dataTypeOf, isFloat } from '../../src/ir/dtype.ts';

test("codes are those of onnx's TensorProto.DataType", () => {
  const names: Readonly<Record<string, string>> = { FLOAT: 'float32', DOUBLE: 'float64' };
  const codes = Object.entries(onnxProto.onnx.TensorProto.DataType).filter(([, code]) => typeof code === 'number');
  expect(codes.length).toBeGreaterThan(16);
  for (const [name, code] of codes) expect(dataTypeOf(Number(code)), name).toBe(names[name] ?? name.toLowerCase());
});

test('types that onnx-proto does not know yet, by onnx 1.20', () => {
  expect([17, 18, 19, 20, 21, 22, 23, 24, 25, 26].map(dataTypeOf)).toEqual([
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
  ]);
  expect([27, -1, 0.5].map(dataTypeOf)).toEqual([undefined, undefined, undefined]);
});

test('a code and its name are inverses', () => {
  for (let code = 0; code <= 26; code++) expect(dataTypeCode(dataTypeOf(code)!)).toBe(code);
});

test('sub-byte types are packed, the last byte padded', () => {
  expect(byteLengthOf('int4', 5)).toBe(3);
  expect(byteLengthOf('uint2', 5)).toBe(2);
  expect(byteLengthOf('float4e2m1', 0)).toBe(0);
  expect(byteLengthOf('complex128', 3)).toBe(48);
  expect(byteLengthOf('float16', 3)).toBe(6);
  expect(bitsOf('string')).toBe(0);
});

test('which types are floating-point', () => {
  expect((['float32', 'bfloat16', 'float8e5m2', 'float4e2m1'] as const).every(isFloat)).toBe(true);
  expect((['int8', 'complex64', 'bool', 'string', undefined] as const).some(isFloat)).toBe(false);
});
