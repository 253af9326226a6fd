// Renaming values that a node's subgraphs read from around them.
import type { Attribute, Graph, Node } from '../../ir/graph.ts';

/** The node with its subgraphs reading `to` wherever they captured `from`; names a subgraph defines itself stay. */
export function renameCaptured(node: Node, renames: ReadonlyMap<string, string>): Node {
  const attrs = new Map([...node.attrs].map(([name, attr]) => [name, renameAttribute(attr, renames)] as const));
  return { ...node, attrs };
}

function renameAttribute(attr: Attribute, renames: ReadonlyMap<string, string>): Attribute {
  if (attr.type === 'graph') return { ...attr, value: renameInGraph(attr.value, renames) };
  if (attr.type === 'graphs') return { ...attr, value: attr.value.map((graph) => renameInGraph(graph, renames)) };
  return attr;
}

function renameInGraph(graph: Graph, outer: ReadonlyMap<string, string>): Graph {
  const own = new Set([
    ...graph.inputs.map((input) => input.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
  const renames = new Map([...outer].filter(([from]) => !own.has(from)));
  const rename = (value: string): string => renames.get(value) ?? value;
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameCaptured({ ...node, inputs: node.inputs.map(rename) }, renames)),
    outputs: graph.outputs.map((output) => ({ ...output, name: rename(output.name) })),
  };
}
