// Who writes and who reads each value of a graph.
import type { Attribute, Graph, Node } from './graph.ts';

/** One reading of a value: a node and its input's index; index -1 where a subgraph of the node captures the value. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

/** Producers and consumers by value name; made once for a graph and not kept up to date. */
export interface Uses {
  readonly producer: ReadonlyMap<string, Node>;
  readonly consumers: ReadonlyMap<string, readonly Use[]>;
  readonly outputs: ReadonlySet<string>;
}

/** Index a graph; values that subgraphs capture from outside count as read by the node that holds the subgraph. */
export function indexUses(graph: Graph): Uses {
  const producer = new Map<string, Node>();
  const consumers = new Map<string, Use[]>();
  const read = (value: string, use: Use): void => {
    const list = consumers.get(value);
    if (list) list.push(use);
    else consumers.set(value, [use]);
  };
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== '') producer.set(output, node);
    node.inputs.forEach((input, index) => {
      if (input !== '') read(input, { node, index });
    });
    for (const value of capturedBy(node)) read(value, { node, index: -1 });
  }
  return { producer, consumers, outputs: new Set(graph.outputs.map((output) => output.name)) };
}

/** Subgraphs a node holds (If, Loop, Scan …). */
export function subgraphsOf(node: Node): Graph[] {
  return [...node.attrs.values()].flatMap((attr: Attribute) =>
    attr.type === 'graph' ? [attr.value] : attr.type === 'graphs' ? [...attr.value] : [],
  );
}

/** Names that a node's subgraphs read from the scope around them. */
export function capturedBy(node: Node): Set<string> {
  const captured = new Set<string>();
  for (const graph of subgraphsOf(node)) {
    const local = new Set<string>([
      ...graph.inputs.map((input) => input.name),
      ...graph.initializers.keys(),
      ...graph.sparse.keys(),
    ]);
    // all outputs at once: nodes need not stand in order (sort.ts)
    for (const inner of graph.nodes) for (const output of inner.outputs) local.add(output);
    const note = (value: string): void => {
      if (value !== '' && !local.has(value)) captured.add(value);
    };
    for (const inner of graph.nodes) {
      inner.inputs.forEach(note);
      capturedBy(inner).forEach(note);
    }
    for (const output of graph.outputs) note(output.name);
  }
  return captured;
}
