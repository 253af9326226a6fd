// Graphs of nodes and names only, for tests that look at form.
import type { Attribute, Graph, Node } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';

/** A graph without types and weights. */
export function bareGraph(nodes: readonly Node[], inputs: readonly string[], outputs: readonly string[]): Graph {
  return {
    name: 'g',
    inputs: inputs.map((name) => ({ name })),
    outputs: outputs.map((name) => ({ name })),
    values: [],
    nodes: [...nodes],
    initializers: new Map(),
    sparse: new Map(),
  };
}

/** A node with subgraphs as attributes body0, body1 … */
export function withGraphs(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...graphs: readonly Graph[]
): Node {
  const attrs = graphs.map((value, i): [string, Attribute] => [`body${i}`, { type: 'graph', value }]);
  return { ...makeNode(op, inputs, outputs), attrs: new Map(attrs) };
}
