// Graph, Node, Attribute, Model: ONNX's model as plain data. Values are names; '' is an omitted input.
import type { DataType } from './dtype.ts';
import type { Tensor } from './tensor.ts';

/** What the codec carries through untouched (unknown protobuf fields, rarely used ones); opaque to everyone else. */
export type Kept = unknown;

/** A node's attribute (AttributeProto). Strings are bytes, as in ONNX; integers are bigint, since exporters write INT64_MAX. */
export type Attribute = { readonly kept?: Kept } & (
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'string'; readonly value: Uint8Array }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly bigint[] }
  | { readonly type: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly type: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  /** Sparse tensors, types and references to a function's attribute: carried, not interpreted. */
  | { readonly type: 'other' }
);

/** One operator call. Readonly: replace a node, don't edit it. */
export interface Node {
  readonly op: string;
  /** '' is the standard domain ai.onnx. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: ReadonlyMap<string, Attribute>;
  readonly kept?: Kept;
}

/** A dimension: fixed, named, or unknown (null). */
export type Dim = number | string | null;

/** Name and type of a graph input, output or inner value. Only tensor types are modelled; others are carried in `kept`. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype?: DataType;
  /** Absent where the rank is unknown. */
  readonly shape?: readonly Dim[];
  readonly kept?: Kept;
}

/** A graph; mutable, cloned before each pass. */
export interface Graph {
  name: string;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** Types of inner values, where the exporter wrote them. */
  values: ValueInfo[];
  nodes: Node[];
  initializers: Map<string, Tensor>;
  /** Sparse initializers by name: carried, not interpreted. */
  sparse: Map<string, Kept>;
  kept?: Kept;
}

/** A model-local function (FunctionProto). */
export interface FunctionDef {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  readonly kept?: Kept;
}

/** A model (ModelProto). */
export interface Model {
  graph: Graph;
  irVersion: number;
  /** Opset version by domain; '' is ai.onnx. */
  opsets: Map<string, number>;
  producer: { readonly name: string; readonly version: string };
  metadata: Map<string, string>;
  functions: FunctionDef[];
  kept?: Kept;
}
