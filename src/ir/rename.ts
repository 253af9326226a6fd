// Reading other values: nodes, and what their subgraphs read from around them.
import type { Attribute, Graph, Node } from './graph.ts';
import { capturedBy } from './uses.ts';

/** All nodes of a graph reading `to` wherever they read `from`; a node that reads none of them stays the same object. */
export function renameReads(nodes: readonly Node[], renames: ReadonlyMap<string, string>): Node[] {
  return nodes.map((node) => {
    const captures = [...capturedBy(node)].some((name) => renames.has(name));
    if (!captures && !node.inputs.some((input) => renames.has(input))) return node;
    const inputs = node.inputs.map((input) => renames.get(input) ?? input);
    return captures ? renameCaptured({ ...node, inputs }, renames) : { ...node, inputs };
  });
}

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
