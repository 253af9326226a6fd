// The IR -> protobuf messages; payloads stay outside the messages, as a list beside them.
import { dataTypeCode } from '../ir/dtype.ts';
import type { Attribute, FunctionDef, Graph, Model, Node, ValueInfo } from '../ir/graph.ts';
import type { Tensor } from '../ir/tensor.ts';
import {
  fromBigInt,
  has,
  toNumber,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type StringEntry,
  type TensorProto,
  type TypeProto,
  type ValueInfoProto,
} from './schema.ts';
import { keepUnknown, tensorProtoOf } from './tensor-proto.ts';
import { attributeTypes, opsetsIn, tensorTypeOf } from './to-ir.ts';

/** A payload that the writer puts where its tensor's message says `lifted`. */
export interface Payload {
  readonly name: string;
  /** TensorProto field it is written to. */
  readonly field: number;
  readonly tensor: Tensor;
  readonly message: TensorProto;
}

/** What goes along while a model is turned into messages. */
interface Writing {
  /** Payloads of tensors are appended here. */
  readonly payloads: Payload[];
  /** Leave out doc strings and metadata below the model. */
  readonly strip: boolean;
}

/** Message of a model; its weights are in `to.payloads`. */
export function modelProtoOf(model: Model, to: Writing): ModelProto {
  const kept = (model.kept ?? {}) as ModelProto;
  return {
    ...keepUnknown(kept),
    ...(toNumber(kept.irVersion) === model.irVersion ? {} : { irVersion: fromBigInt(BigInt(model.irVersion)) }),
    opsetImport: opsetsOf(model.opsets, kept),
    ...text(kept, 'producerName', model.producer.name),
    ...text(kept, 'producerVersion', model.producer.version),
    graph: graphProtoOf(model.graph, to),
    metadataProps: metadataOf(model.metadata, kept),
    functions: model.functions.map((def) => functionProtoOf(def, to)),
  };
}

/** Entries as they were where nothing changed, so that an odd spelling ('ai.onnx', a repeated key) survives. */
function opsetsOf(opsets: ReadonlyMap<string, number>, kept: ModelProto): NonNullable<ModelProto['opsetImport']> {
  const same = opsetsIn(kept);
  if (same.size === opsets.size && [...opsets].every(([domain, version]) => same.get(domain) === version))
    return kept.opsetImport ?? [];
  const known = new Map(
    (kept.opsetImport ?? []).map((opset) => [opset.domain === 'ai.onnx' ? '' : (opset.domain ?? ''), opset]),
  );
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

/** A string field, absent where it is empty and was absent. */
function text<K extends string>(kept: Partial<Record<K, string>>, key: K, value: string): Partial<Record<K, string>> {
  return value === '' && !has(kept, key) ? {} : ({ [key]: value } as Partial<Record<K, string>>);
}

function graphProtoOf(graph: Graph, to: Writing): GraphProto {
  const kept = (graph.kept ?? {}) as GraphProto;
  return {
    ...remarks(kept, to),
    ...text(kept, 'name', graph.name),
    node: graph.nodes.map((node) => nodeProtoOf(node, to)),
    initializer: [...graph.initializers].map(([name, tensor]) => placed(name, tensor, to)),
    sparseInitializer: [...graph.sparse.values()].map((sparse) => sparseProtoOf(sparse as SparseTensorProto, to)),
    input: graph.inputs.map((info) => valueInfoProtoOf(info, to)),
    output: graph.outputs.map((info) => valueInfoProtoOf(info, to)),
    valueInfo: graph.values.map((info) => valueInfoProtoOf(info, to)),
  };
}

function functionProtoOf(def: FunctionDef, to: Writing): FunctionProto {
  const kept = (def.kept ?? {}) as FunctionProto;
  return {
    ...keepUnknown(kept),
    ...text(kept, 'name', def.name),
    ...domainOf(kept, def.domain),
    input: [...def.inputs],
    output: [...def.outputs],
    node: def.nodes.map((node) => nodeProtoOf(node, to)),
  };
}

function placed(name: string, tensor: Tensor, to: Writing): TensorProto {
  const { message, field } = tensorProtoOf(name, tensor);
  if (field === 0) return message;
  const own = { ...keepUnknown(message), lifted: to.payloads.length };
  to.payloads.push({ name, field, tensor, message: own });
  return own;
}

function sparseProtoOf(sparse: SparseTensorProto, to: Writing): SparseTensorProto {
  const { values, indices } = sparse.read ?? {};
  return {
    ...keepUnknown(sparse),
    ...(values ? { values: placed(sparse.values?.name ?? '', values, to) } : {}),
    ...(indices ? { indices: placed(sparse.indices?.name ?? '', indices, to) } : {}),
  };
}

function nodeProtoOf(node: Node, to: Writing): NodeProto {
  const kept = (node.kept ?? {}) as NodeProto;
  return {
    ...remarks(kept, to),
    input: [...node.inputs],
    output: [...node.outputs],
    ...text(kept, 'name', node.name),
    ...text(kept, 'opType', node.op),
    ...domainOf(kept, node.domain),
    attribute: [...node.attrs].map(([name, attr]) => attributeProtoOf(name, attr, to)),
  };
}

/** The domain as it was spelled where it is still the same. */
function domainOf(kept: { domain?: string }, domain: string): { domain?: string } {
  return domain === (kept.domain === 'ai.onnx' ? '' : (kept.domain ?? '')) ? {} : { domain };
}

function attributeProtoOf(name: string, attr: Attribute, to: Writing): AttributeProto {
  const kept = keepUnknown((attr.kept ?? {}) as AttributeProto);
  if (attr.type === 'other') {
    return {
      ...kept,
      ...(kept.sparseTensor ? { sparseTensor: sparseProtoOf(kept.sparseTensor, to) } : {}),
      ...(kept.sparseTensors ? { sparseTensors: kept.sparseTensors.map((sparse) => sparseProtoOf(sparse, to)) } : {}),
    };
  }
  const base = attr.kept && !kept.type ? kept : { ...kept, type: attributeTypes[attr.type] };
  if ((base.name ?? '') !== name) base.name = name;
  // writers of proto3 leave zeros out: what was absent stays absent
  const absent = (key: 'f' | 'i' | 's', zero: boolean): boolean => zero && attr.kept !== undefined && !has(base, key);
  switch (attr.type) {
    case 'float':
      return absent('f', Object.is(attr.value, 0)) ? base : { ...base, f: attr.value };
    case 'int':
      return absent('i', attr.value === 0n) ? base : { ...base, i: fromBigInt(attr.value) };
    case 'string':
      return absent('s', attr.value.length === 0) ? base : { ...base, s: attr.value };
    case 'tensor':
      return { ...base, t: placed(base.t?.name ?? '', attr.value, to) };
    case 'graph':
      return { ...base, g: graphProtoOf(attr.value, to) };
    case 'floats':
      return { ...base, floats: [...attr.value] };
    case 'ints':
      return { ...base, ints: attr.value.map(fromBigInt) };
    case 'strings':
      return { ...base, strings: [...attr.value] };
    case 'tensors':
      return { ...base, tensors: attr.value.map((tensor, i) => placed(base.tensors?.[i]?.name ?? '', tensor, to)) };
    case 'graphs':
      return { ...base, graphs: attr.value.map((graph) => graphProtoOf(graph, to)) };
  }
}

function valueInfoProtoOf(info: ValueInfo, to: Writing): ValueInfoProto {
  const kept = info.kept as ValueInfoProto | undefined;
  const before = tensorTypeOf(kept?.type);
  const same = before.dtype === info.dtype && sameShape(before.shape, info.shape);
  return {
    ...remarks(kept ?? {}, to),
    ...text(kept ?? {}, 'name', info.name),
    ...(same ? {} : { type: typeProtoOf(info, kept?.type) }),
  };
}

function sameShape(a: ValueInfo['shape'], b: ValueInfo['shape']): boolean {
  return a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((dim, i) => dim === b[i]));
}

function typeProtoOf(info: ValueInfo, before: TypeProto | undefined): TypeProto {
  const kept = before?.tensorType ? keepUnknown(before) : {};
  const { shape, ...rest } = keepUnknown(before?.tensorType ?? {});
  const elemType = info.dtype ? dataTypeCode(info.dtype) : 0;
  if (shape && sameShape(tensorTypeOf(before).shape, info.shape))
    return { ...kept, tensorType: { ...rest, elemType, shape } };
  const dim = info.shape?.map((size) => {
    if (size === null) return {};
    return typeof size === 'number' ? { dimValue: fromBigInt(BigInt(size)) } : { dimParam: size };
  });
  return { ...kept, tensorType: { ...rest, elemType, ...(dim ? { shape: { dim } } : {}) } };
}

/** A copy of what a message kept, without doc string and metadata where they are stripped. */
function remarks<T extends { docString?: unknown; metadataProps?: StringEntry[] }>(kept: T, to: Writing): T {
  const copy = keepUnknown(kept);
  if (!to.strip) return copy;
  delete copy.docString;
  delete copy.metadataProps;
  return copy;
}
