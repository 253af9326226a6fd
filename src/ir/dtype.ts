// ONNX element types: names used in this project, TensorProto.DataType codes and sizes.

/** Element type name, as numpy and ml_dtypes write it. */
export type DataType =
  | 'undefined'
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'uint2'
  | 'int2';

/** TensorProto.DataType (onnx.proto3): the code is the index. */
const byCode: readonly DataType[] = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
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

const bits: Readonly<Record<DataType, number>> = {
  undefined: 0,
  float32: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  string: 0,
  bool: 8,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  float8e8m0: 8,
  uint2: 2,
  int2: 2,
};

/** Name of a TensorProto.DataType code, or undefined where this tool does not know it. */
export function dataTypeOf(code: number): DataType | undefined {
  return byCode[code];
}

/** TensorProto.DataType code of a name. */
export function dataTypeCode(dtype: DataType): number {
  return byCode.indexOf(dtype);
}

/** Bits an element takes in raw_data; 0 for strings, which have no fixed size. */
export function bitsOf(dtype: DataType): number {
  return bits[dtype];
}

/** Bytes of raw_data for `count` elements; 4- and 2-bit types are packed, the last byte padded (onnx.proto3, raw_data). */
export function byteLengthOf(dtype: DataType, count: number): number {
  return Math.ceil((bits[dtype] * count) / 8);
}

/** True for floating-point types (complex types are not). */
export function isFloat(dtype: DataType | undefined): boolean {
  return dtype !== undefined && (dtype.startsWith('float') || dtype === 'bfloat16');
}
