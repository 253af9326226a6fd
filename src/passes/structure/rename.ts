// An output of the graph that another node makes from now on.
import type { Graph, Node } from '../../ir/graph.ts';
import { renameReads } from '../../ir/rename.ts';

/** The output of the graph keeps its name: `from` is now called `to`, and what made `to` goes. */
export function takeName(graph: Graph, from: string, to: string): void {
  graph.nodes = renameReads(
    graph.nodes.map((node) => withOutputs(node, (name) => (name === to ? '' : name))),
    new Map([[from, to]]),
  ).map((node) => withOutputs(node, (name) => (name === from ? to : name)));
  graph.values = graph.values.filter((info) => info.name !== from && info.name !== to);
}

function withOutputs(node: Node, name: (output: string) => string): Node {
  const outputs = node.outputs.map(name);
  return outputs.some((output, i) => output !== node.outputs[i]) ? { ...node, outputs } : node;
}
