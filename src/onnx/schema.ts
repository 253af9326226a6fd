// The ONNX schema (onnx.proto, IR 13) as a protobufjs descriptor: only the messages this tool looks into.
// Whatever is not named here (training info, device configurations, fields of the future) is kept as unknown bytes.
import protobuf from 'protobufjs/light.js';
import type { Tensor } from '../ir/tensor.ts';

type Options = { packed?: boolean; features?: { utf8_validation: 'VERIFY' } };
type FieldSpec = { id: number; type: string; rule?: 'repeated'; options?: Options };

/** A string that is not UTF-8 would be written back changed, and two names could become one: refuse it. */
const checked = (type: string): Options => (type === 'string' ? { features: { utf8_validation: 'VERIFY' } } : {});
const one = (type: string, id: number): FieldSpec => ({ type, id, options: checked(type) });
const many = (type: string, id: number): FieldSpec => ({
  type,
  id,
  rule: 'repeated',
  options: { packed: false, ...checked(type) },
});
const packed = (type: string, id: number): FieldSpec => ({ type, id, rule: 'repeated', options: { packed: true } });

/**
 * TensorProto field number, outside onnx's range, under which lift.ts and lower.ts pass on a payload that stays out of the message:
 * its value is an index into their list of payloads.
 */
export const LIFTED_FIELD = 536870911;

const messages: Record<string, Record<string, FieldSpec>> = {
  ModelProto: {
    irVersion: one('int64', 1),
    producerName: one('string', 2),
    producerVersion: one('string', 3),
    domain: one('string', 4),
    modelVersion: one('int64', 5),
    docString: one('bytes', 6),
    graph: one('GraphProto', 7),
    opsetImport: many('OperatorSetIdProto', 8),
    metadataProps: many('StringStringEntryProto', 14),
    functions: many('FunctionProto', 25),
  },
  GraphProto: {
    node: many('NodeProto', 1),
    name: one('string', 2),
    initializer: many('TensorProto', 5),
    docString: one('bytes', 10),
    input: many('ValueInfoProto', 11),
    output: many('ValueInfoProto', 12),
    valueInfo: many('ValueInfoProto', 13),
    quantizationAnnotation: many('TensorAnnotation', 14),
    sparseInitializer: many('SparseTensorProto', 15),
    metadataProps: many('StringStringEntryProto', 16),
  },
  NodeProto: {
    input: many('string', 1),
    output: many('string', 2),
    name: one('string', 3),
    opType: one('string', 4),
    attribute: many('AttributeProto', 5),
    docString: one('bytes', 6),
    domain: one('string', 7),
    overload: one('string', 8),
    metadataProps: many('StringStringEntryProto', 9),
  },
  AttributeProto: {
    name: one('string', 1),
    f: one('float', 2),
    i: one('int64', 3),
    s: one('bytes', 4),
    t: one('TensorProto', 5),
    g: one('GraphProto', 6),
    floats: many('float', 7),
    ints: many('int64', 8),
    strings: many('bytes', 9),
    tensors: many('TensorProto', 10),
    graphs: many('GraphProto', 11),
    docString: one('bytes', 13),
    type: one('int32', 20),
    refAttrName: one('string', 21),
    sparseTensor: one('SparseTensorProto', 22),
    sparseTensors: many('SparseTensorProto', 23),
  },
  TensorProto: {
    dims: many('int64', 1),
    dataType: one('int32', 2),
    floatData: packed('float', 4),
    int32Data: packed('int32', 5),
    stringData: many('bytes', 6),
    int64Data: packed('int64', 7),
    name: one('string', 8),
    rawData: one('bytes', 9),
    doubleData: packed('double', 10),
    uint64Data: packed('uint64', 11),
    docString: one('bytes', 12),
    externalData: many('StringStringEntryProto', 13),
    dataLocation: one('int32', 14),
    metadataProps: many('StringStringEntryProto', 16),
    lifted: one('uint32', LIFTED_FIELD),
  },
  SparseTensorProto: { values: one('TensorProto', 1), indices: one('TensorProto', 2), dims: many('int64', 3) },
  ValueInfoProto: {
    name: one('string', 1),
    type: one('TypeProto', 2),
    docString: one('bytes', 3),
    metadataProps: many('StringStringEntryProto', 4),
  },
  TypeProto: { tensorType: one('TensorTypeProto', 1), denotation: one('string', 6) },
  TensorTypeProto: { elemType: one('int32', 1), shape: one('TensorShapeProto', 2) },
  TensorShapeProto: { dim: many('DimensionProto', 1) },
  DimensionProto: { dimValue: one('int64', 1), dimParam: one('string', 2), denotation: one('string', 3) },
  OperatorSetIdProto: { domain: one('string', 1), version: one('int64', 2) },
  StringStringEntryProto: { key: one('string', 1), value: one('string', 2) },
  TensorAnnotation: { tensorName: one('string', 1), quantParameterTensorNames: many('StringStringEntryProto', 2) },
  FunctionProto: {
    name: one('string', 1),
    input: many('string', 4),
    output: many('string', 5),
    attribute: many('string', 6),
    node: many('NodeProto', 7),
    docString: one('bytes', 8),
    opsetImport: many('OperatorSetIdProto', 9),
    domain: one('string', 10),
    attributeProto: many('AttributeProto', 11),
    valueInfo: many('ValueInfoProto', 12),
    overload: one('string', 13),
    metadataProps: many('StringStringEntryProto', 14),
  },
};

/** 64-bit integers as protobufjs gives them. */
export type Int64 = number | { toBigInt?(): bigint; toString(): string };

export interface StringEntry {
  key?: string;
  value?: string;
}
export interface OpsetProto {
  domain?: string;
  version?: Int64;
}
export interface TensorProto {
  dims?: Int64[];
  dataType?: number;
  floatData?: number[];
  int32Data?: number[];
  stringData?: Uint8Array[];
  int64Data?: Int64[];
  name?: string;
  rawData?: Uint8Array;
  doubleData?: number[];
  uint64Data?: Int64[];
  externalData?: StringEntry[];
  dataLocation?: number;
  docString?: Uint8Array;
  metadataProps?: StringEntry[];
  lifted?: number;
}
export interface SparseTensorProto {
  values?: TensorProto;
  indices?: TensorProto;
  /** No protobuf field: the two as to-ir.ts read them, since their payloads may be lifted. */
  read?: { readonly values?: Tensor; readonly indices?: Tensor };
}
export interface AttributeProto {
  name?: string;
  f?: number;
  i?: Int64;
  s?: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats?: number[];
  ints?: Int64[];
  strings?: Uint8Array[];
  tensors?: TensorProto[];
  graphs?: GraphProto[];
  sparseTensor?: SparseTensorProto;
  sparseTensors?: SparseTensorProto[];
  type?: number;
  refAttrName?: string;
}
export interface NodeProto {
  input?: string[];
  output?: string[];
  name?: string;
  opType?: string;
  attribute?: AttributeProto[];
  docString?: Uint8Array;
  domain?: string;
  metadataProps?: StringEntry[];
}
export interface DimensionProto {
  dimValue?: Int64;
  dimParam?: string;
}
export interface TypeProto {
  tensorType?: { elemType?: number; shape?: { dim?: DimensionProto[] } };
}
export interface ValueInfoProto {
  name?: string;
  type?: TypeProto;
  docString?: Uint8Array;
  metadataProps?: StringEntry[];
}
export interface GraphProto {
  node?: NodeProto[];
  name?: string;
  initializer?: TensorProto[];
  sparseInitializer?: SparseTensorProto[];
  input?: ValueInfoProto[];
  output?: ValueInfoProto[];
  valueInfo?: ValueInfoProto[];
  docString?: Uint8Array;
  metadataProps?: StringEntry[];
}
export interface FunctionProto {
  name?: string;
  domain?: string;
  input?: string[];
  output?: string[];
  node?: NodeProto[];
  docString?: Uint8Array;
  metadataProps?: StringEntry[];
}
export interface ModelProto {
  irVersion?: Int64;
  producerName?: string;
  producerVersion?: string;
  graph?: GraphProto;
  opsetImport?: OpsetProto[];
  metadataProps?: StringEntry[];
  functions?: FunctionProto[];
}

let modelType: protobuf.Type | undefined;

function type(): protobuf.Type {
  modelType ??= protobuf.Root.fromJSON({
    nested: Object.fromEntries(Object.entries(messages).map(([name, fields]) => [name, { fields, edition: 'proto2' }])),
  }).lookupType('ModelProto');
  return modelType;
}

/** Decode a ModelProto; unknown fields are kept. Throws where the bytes are not protobuf of this schema. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const reader = protobuf.Reader.create(bytes);
  reader.discardUnknown = false;
  const skip = reader.skipType.bind(reader);
  // groups: protobuf gave them up before ONNX was made, and lift.ts and lower.ts don't walk them
  reader.skipType = (wire: number, depth?: number, field?: number) => {
    if (wire === 3 || wire === 4) throw new RangeError(`expected protobuf wire type 0, 1, 2 or 5, found ${wire}`);
    return skip(wire, depth, field);
  };
  return type().decode(reader) as ModelProto;
}

/** Encode a ModelProto with its unknown fields. */
export function encodeModel(message: ModelProto): Uint8Array {
  return type().encode(message).finish();
}

/** True where a field stands in the message itself: decoded messages give defaults for absent ones. */
export function has<T extends object>(message: T, field: keyof T): boolean {
  return Object.hasOwn(message, field);
}

/** An int64 as bigint, exactly. */
export function toBigInt(value: Int64 | undefined): bigint {
  if (value === undefined) return 0n;
  return typeof value === 'number' ? BigInt(value) : BigInt(value.toString());
}

/** An int64 as a number; exact below 2^53. */
export function toNumber(value: Int64 | undefined): number {
  return Number(toBigInt(value));
}

/** A bigint in protobufjs's form. */
export function fromBigInt(value: bigint): Int64 {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  // protobufjs types its Long only as a constructor
  return (protobuf.util.Long as unknown as { fromString(text: string): Int64 }).fromString(value.toString());
}
