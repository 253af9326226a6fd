// Values under other names.
import type { Graph, Node } from '../../ir/graph.ts';

/** Nodes that read other values instead. */
export function renamed(nodes: readonly Node[], instead: ReadonlyMap<string, string>): Node[] {
  return nodes.map((node) =>
    node.inputs.some((input) => instead.has(input))
      ? { ...node, inputs: node.inputs.map((input) => instead.get(input) ?? input) }
      : node,
  );
}

/** The output of the graph keeps its name: `from` is now called `to`, and what made `to` goes. */
export function takeName(graph: Graph, from: string, to: string): void {
  graph.nodes = renamed(
    graph.nodes.map((node) => withOutputs(node, (name) => (name === to ? '' : name))),
    new Map([[from, to]]),
  ).map((node) => withOutputs(node, (name) => (name === from ? to : name)));
  graph.values = graph.values.filter((info) => info.name !== from && info.name !== to);
}

function withOutputs(node: Node, name: (output: string) => string): Node {
  const outputs = node.outputs.map(name);
  return outputs.some((output, i) => output !== node.outputs[i]) ? { ...node, outputs } : node;
}
