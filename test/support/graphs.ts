// Small models for the tests of passes: one graph from a list of nodes.
import type { Graph, Model, Node, ValueInfo } from '../../src/ir/graph.ts';
import type { Tensor } from '../../src/ir/tensor.ts';

/** A model of one graph. Values are given as [name, dtype, ...dims]. */
export function modelOf(parts: {
  inputs: readonly ValueInfo[];
  outputs: readonly ValueInfo[];
  nodes: readonly Node[];
  initializers?: Readonly<Record<string, Tensor>>;
  opset?: number;
  domains?: readonly string[];
}): Model {
  const graph: Graph = {
    name: 'test',
    inputs: [...parts.inputs],
    outputs: [...parts.outputs],
    values: [],
    nodes: [...parts.nodes],
    initializers: new Map(Object.entries(parts.initializers ?? {})),
    sparse: new Map(),
  };
  return {
    graph,
    irVersion: 8,
    opsets: new Map([['', parts.opset ?? 17], ...(parts.domains ?? []).map((domain) => [domain, 1] as const)]),
    producer: { name: 'test', version: '' },
    metadata: new Map(),
    functions: [],
  };
}

/** A float32 value. */
export function floatValue(name: string, ...shape: (number | string)[]): ValueInfo {
  return { name, dtype: 'float32', shape };
}

/** An int64 value. */
export function intValue(name: string, ...shape: (number | string)[]): ValueInfo {
  return { name, dtype: 'int64', shape };
}

/** A smooth matrix of `count` numbers that no two channels share. */
export function wave(count: number, scale = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => scale * (Math.sin(0.7 * i) + 0.3 * Math.cos(0.11 * i)));
}

/** A pass context that says nothing. */
export const quietContext = { log: () => {}, progress: () => {} };
