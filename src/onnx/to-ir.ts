// Decoded protobuf messages -> the IR. Every object keeps its message, so that what the IR does not model is written back.
import { ModelError } from '../errors.ts';
import { dataTypeOf } from '../ir/dtype.ts';
import type { Attribute, Dim, FunctionDef, Graph, Model, Node, ValueInfo } from '../ir/graph.ts';
import type { Tensor } from '../ir/tensor.ts';
import {
  has,
  toBigInt,
  toNumber,
  type AttributeProto,
  type DimensionProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TypeProto,
  type ValueInfoProto,
} from './schema.ts';
import { tensorOf, type PayloadSource } from './tensor-proto.ts';

/** AttributeProto.AttributeType */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const;
const SPARSE_TENSOR = 11;
const SPARSE_TENSORS = 12;

/** The model of a decoded message. Throws ModelError where a part is missing or does not fit. */
export function modelOf(message: ModelProto, source: PayloadSource): Model {
  if (!message.graph) throw new ModelError(`${source.path}: expected an ONNX model, found no graph in it`);
  const opsets = opsetsIn(message);
  if (opsets.size === 0) throw new ModelError(`${source.path}: expected an ONNX model, found no opset in it`);
  const model: Model = {
    graph: graphOf(message.graph, source),
    irVersion: toNumber(message.irVersion),
    opsets,
    producer: { name: message.producerName ?? '', version: message.producerVersion ?? '' },
    metadata: new Map((message.metadataProps ?? []).map((entry) => [entry.key ?? '', entry.value ?? ''])),
    functions: (message.functions ?? []).map((def) => functionOf(def, source)),
    kept: message,
  };
  const stray = source.payloads.find((_, index) => !source.claimed.has(index));
  if (stray) {
    throw new ModelError(
      `${source.path}: expected every weight in a tensor of its own, found ${stray.length} bytes at ${stray.offset} where none belongs`,
    );
  }
  return model;
}

/** Opset versions by domain; IR versions 1 and 2 know only the first of ai.onnx and don't say it. */
export function opsetsIn(message: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const opset of message.opsetImport ?? []) opsets.set(normalDomain(opset.domain), toNumber(opset.version));
  const version = toNumber(message.irVersion);
  if (opsets.size === 0 && (version === 1 || version === 2)) opsets.set('', 1);
  return opsets;
}

function normalDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}

function graphOf(message: GraphProto, source: PayloadSource): Graph {
  const initializers = new Map<string, Tensor>();
  for (const tensor of message.initializer ?? []) {
    const name = tensor.name ?? '';
    if (initializers.has(name))
      throw new ModelError(`${source.path}: expected one initializer named '${name}', found two`);
    initializers.set(name, tensorOf(tensor, source));
  }
  const sparse = new Map<string, SparseTensorProto>();
  for (const tensor of message.sparseInitializer ?? []) {
    const name = tensor.values?.name ?? '';
    if (initializers.has(name) || sparse.has(name))
      throw new ModelError(`${source.path}: expected one initializer named '${name}', found two`);
    sparse.set(name, readSparse(tensor, source));
  }
  return {
    name: message.name ?? '',
    inputs: (message.input ?? []).map(valueInfoOf),
    outputs: (message.output ?? []).map(valueInfoOf),
    values: (message.valueInfo ?? []).map(valueInfoOf),
    nodes: (message.node ?? []).map((node) => nodeOf(node, source)),
    initializers,
    sparse,
    kept: message,
  };
}

/** Claims the payloads of a sparse tensor, which the IR carries as it is. */
function readSparse(message: SparseTensorProto, source: PayloadSource): SparseTensorProto {
  message.read = {
    ...(message.values ? { values: tensorOf(message.values, source) } : {}),
    ...(message.indices ? { indices: tensorOf(message.indices, source) } : {}),
  };
  return message;
}

function functionOf(message: FunctionProto, source: PayloadSource): FunctionDef {
  return {
    name: message.name ?? '',
    domain: normalDomain(message.domain),
    inputs: message.input ?? [],
    outputs: message.output ?? [],
    nodes: (message.node ?? []).map((node) => nodeOf(node, source)),
    kept: message,
  };
}

function nodeOf(message: NodeProto, source: PayloadSource): Node {
  return {
    op: message.opType ?? '',
    domain: normalDomain(message.domain),
    name: message.name ?? '',
    inputs: message.input ?? [],
    outputs: message.output ?? [],
    attrs: attributesOf(message, source),
    kept: message,
  };
}

function attributesOf(message: NodeProto, source: PayloadSource): Map<string, Attribute> {
  const attrs = new Map<string, Attribute>();
  for (const attr of message.attribute ?? []) {
    const name = attr.name ?? '';
    if (attrs.has(name)) {
      throw new ModelError(
        `${source.path}: expected one attribute '${name}', found two (node '${message.name ?? ''}', op ${message.opType ?? ''})`,
      );
    }
    attrs.set(name, attributeOf(attr, source));
  }
  return attrs;
}

function attributeOf(message: AttributeProto, source: PayloadSource): Attribute {
  const kept = message;
  if (message.refAttrName) return { type: 'other', kept };
  switch (message.type || guessType(message)) {
    case attributeTypes.float:
      return { type: 'float', value: message.f ?? 0, kept };
    case attributeTypes.int:
      return { type: 'int', value: toBigInt(message.i), kept };
    case attributeTypes.string:
      return { type: 'string', value: message.s ?? new Uint8Array(0), kept };
    case attributeTypes.tensor:
      return message.t ? { type: 'tensor', value: tensorOf(message.t, source), kept } : { type: 'other', kept };
    case attributeTypes.graph:
      return message.g ? { type: 'graph', value: graphOf(message.g, source), kept } : { type: 'other', kept };
    case attributeTypes.floats:
      return { type: 'floats', value: message.floats ?? [], kept };
    case attributeTypes.ints:
      return { type: 'ints', value: (message.ints ?? []).map(toBigInt), kept };
    case attributeTypes.strings:
      return { type: 'strings', value: message.strings ?? [], kept };
    case attributeTypes.tensors:
      return { type: 'tensors', value: (message.tensors ?? []).map((tensor) => tensorOf(tensor, source)), kept };
    case attributeTypes.graphs:
      return { type: 'graphs', value: (message.graphs ?? []).map((graph) => graphOf(graph, source)), kept };
    case SPARSE_TENSOR:
    case SPARSE_TENSORS:
      for (const sparse of message.sparseTensor ? [message.sparseTensor] : (message.sparseTensors ?? []))
        readSparse(sparse, source);
      return { type: 'other', kept };
    default:
      return { type: 'other', kept };
  }
}

/** IR versions 1 and 2 leave the type out: it is the field that is there. */
function guessType(message: AttributeProto): number {
  if (has(message, 's')) return attributeTypes.string;
  if (has(message, 'i')) return attributeTypes.int;
  if (has(message, 'f')) return attributeTypes.float;
  if (message.t) return attributeTypes.tensor;
  if (message.g) return attributeTypes.graph;
  if (message.ints?.length) return attributeTypes.ints;
  if (message.floats?.length) return attributeTypes.floats;
  if (message.strings?.length) return attributeTypes.strings;
  if (message.tensors?.length) return attributeTypes.tensors;
  return message.graphs?.length ? attributeTypes.graphs : 0;
}

function valueInfoOf(message: ValueInfoProto): ValueInfo {
  return { name: message.name ?? '', ...tensorTypeOf(message.type), kept: message };
}

/** Element type and shape of a TypeProto; empty where it is no tensor type. */
export function tensorTypeOf(type: TypeProto | undefined): Pick<ValueInfo, 'dtype' | 'shape'> {
  const dtype = dataTypeOf(type?.tensorType?.elemType ?? 0);
  const dims = type?.tensorType?.shape;
  const shape = dims && (dims.dim ?? []).map(dimOf);
  return { ...(dtype && dtype !== 'undefined' ? { dtype } : {}), ...(shape ? { shape } : {}) };
}

function dimOf(dim: DimensionProto): Dim {
  if (has(dim, 'dimValue')) return toNumber(dim.dimValue);
  return dim.dimParam ? dim.dimParam : null;
}
