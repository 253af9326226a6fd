// The IR -> protobuf messages; payloads stay outside the messages, as a list beside them.
import { dataTypeCode } from '../ir/dtype.ts';
import type { Attribute, FunctionDef, Graph, Model, Node, ValueInfo } from '../ir/graph.ts';
import type { Tensor } from '../ir/tensor.ts';
import { fromBigInt, has, type AttributeProto, type FunctionProto, type GraphProto, type ModelProto, type NodeProto, type SparseTensorProto, type StringEntry, type TensorProto, type TypeProto, type ValueInfoProto } from './schema.ts';
import { keepUnknown, tensorProtoOf } from './tensor-proto.ts';
import { attributeTypes, tensorTypeOf } from './to-ir.ts';

/** A payload that the writer puts where its tensor's message says `lifted`. */
export interface Payload {
  readonly name: string;
  /** TensorProto field it is written to. */
  readonly field: number;
  readonly tensor: Tensor;
  readonly message: TensorProto;
}

/** Message of a model; the payloads of its tensors are appended to `payloads`. */
export function modelProtoOf(model: Model, payloads: Payload[]): ModelProto {
  const kept = (model.kept ?? {}) as ModelProto;
  return {
    ...keepUnknown(kept),
    irVersion: fromBigInt(BigInt(model.irVersion)),
    opsetImport: opsetsOf(model.opsets, kept),
    ...unlessEmpty('producerName', model.producer.name, kept),
    ...unlessEmpty('producerVersion', model.producer.version, kept),
    graph: graphProtoOf(model.graph, payloads),
    metadataProps: metadataOf(model.metadata, kept),
    functions: model.functions.map((def) => functionProtoOf(def, payloads)),
  };
}

/** Entries as they were where nothing changed, so that an odd spelling ('ai.onnx', a repeated key) survives. */
function opsetsOf(opsets: ReadonlyMap<string, number>, kept: ModelProto): NonNullable<ModelProto['opsetImport']> {
  const known = new Map((kept.opsetImport ?? []).map((opset) => [opset.domain === 'ai.onnx' ? '' : (opset.domain ?? ''), opset]));
  return [...opsets].map(([domain, version]) => {
    const before = known.get(domain);
    if (before && Number(before.version?.toString()) === version) return before;
    return { ...(before ? keepUnknown(before) : { domain }), version: fromBigInt(BigInt(version)) };
  });
}

function metadataOf(metadata: ReadonlyMap<string, string>, kept: ModelProto): StringEntry[] {
  const before = kept.metadataProps ?? [];
  const same = new Map(before.map((entry) => [entry.key ?? '', entry.value ?? '']));
  const unchanged = same.size === metadata.size && [...metadata].every(([key, value]) => same.get(key) === value);
  return unchanged ? before : [...metadata].map(([key, value]) => ({ key, value }));
}

function unlessEmpty<K extends 'producerName' | 'producerVersion'>(key: K, value: string, kept: ModelProto): Partial<Record<K, string>> {
  return value === '' && !has(kept, key) ? {} : ({ [key]: value } as Partial<Record<K, string>>);
}

function graphProtoOf(graph: Graph, payloads: Payload[]): GraphProto {
  const kept = (graph.kept ?? {}) as GraphProto;
  return {
    ...keepUnknown(kept),
    ...(graph.name === '' && !has(kept, 'name') ? {} : { name: graph.name }),
    node: graph.nodes.map((node) => nodeProtoOf(node, payloads)),
    initializer: [...graph.initializers].map(([name, tensor]) => placed(name, tensor, payloads)),
    sparseInitializer: [...graph.sparse.values()] as SparseTensorProto[],
    input: graph.inputs.map(valueInfoProtoOf),
    output: graph.outputs.map(valueInfoProtoOf),
    valueInfo: graph.values.map(valueInfoProtoOf),
  };
}

function functionProtoOf(def: FunctionDef, payloads: Payload[]): FunctionProto {
  return { ...keepUnknown((def.kept ?? {}) as FunctionProto), node: def.nodes.map((node) => nodeProtoOf(node, payloads)) };
}

function placed(name: string, tensor: Tensor, payloads: Payload[]): TensorProto {
  const { message, field } = tensorProtoOf(name, tensor);
  if (field === 0) return message;
  const own = { ...keepUnknown(message), lifted: payloads.length };
  payloads.push({ name, field, tensor, message: own });
  return own;
}

function nodeProtoOf(node: Node, payloads: Payload[]): NodeProto {
  const kept = (node.kept ?? {}) as NodeProto;
  return {
    ...keepUnknown(kept),
    input: [...node.inputs],
    output: [...node.outputs],
    ...(node.name === '' && !has(kept, 'name') ? {} : { name: node.name }),
    opType: node.op,
    ...(node.domain === (kept.domain === 'ai.onnx' ? '' : (kept.domain ?? '')) ? {} : { domain: node.domain }),
    attribute: [...node.attrs].map(([name, attr]) => attributeProtoOf(name, attr, payloads)),
  };
}

function attributeProtoOf(name: string, attr: Attribute, payloads: Payload[]): AttributeProto {
  const kept = keepUnknown((attr.kept ?? {}) as AttributeProto);
  if (attr.type === 'other') return kept;
  const base = attr.kept && !has(kept, 'type') ? kept : { ...kept, type: attributeTypes[attr.type] };
  if (base.name !== name) base.name = name;
  switch (attr.type) {
    case 'float':
      return { ...base, f: attr.value };
    case 'int':
      return { ...base, i: fromBigInt(attr.value) };
    case 'string':
      return { ...base, s: attr.value };
    case 'tensor':
      return { ...base, t: placed(base.t?.name ?? '', attr.value, payloads) };
    case 'graph':
      return { ...base, g: graphProtoOf(attr.value, payloads) };
    case 'floats':
      return { ...base, floats: [...attr.value] };
    case 'ints':
      return { ...base, ints: attr.value.map(fromBigInt) };
    case 'strings':
      return { ...base, strings: [...attr.value] };
    case 'tensors':
      return { ...base, tensors: attr.value.map((tensor, i) => placed(base.tensors?.[i]?.name ?? '', tensor, payloads)) };
    case 'graphs':
      return { ...base, graphs: attr.value.map((graph) => graphProtoOf(graph, payloads)) };
  }
}

function valueInfoProtoOf(info: ValueInfo): ValueInfoProto {
  const kept = info.kept as ValueInfoProto | undefined;
  const before = tensorTypeOf(kept?.type);
  const same = before.dtype === info.dtype && sameShape(before.shape, info.shape);
  return { ...keepUnknown(kept ?? {}), name: info.name, ...(same ? {} : { type: typeProtoOf(info) }) };
}

function sameShape(a: ValueInfo['shape'], b: ValueInfo['shape']): boolean {
  return a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((dim, i) => dim === b[i]));
}

function typeProtoOf(info: ValueInfo): TypeProto {
  const dim = info.shape?.map((size) => {
    if (size === null) return {};
    return typeof size === 'number' ? { dimValue: fromBigInt(BigInt(size)) } : { dimParam: size };
  });
  return { tensorType: { elemType: info.dtype ? dataTypeCode(info.dtype) : 0, ...(dim ? { shape: { dim } } : {}) } };
}
