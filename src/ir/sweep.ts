// Removing what nobody reads: nodes without a reader, initializers without a reader, types of values that are gone.
import type { Graph } from './graph.ts';
import { readsOf } from './sort.ts';

/** Sweep a graph in place. Graph inputs stay: callers feed them. Returns how many nodes and initializers went. */
export function sweep(graph: Graph): { nodes: number; initializers: number } {
  const before = { nodes: graph.nodes.length, initializers: graph.initializers.size + graph.sparse.size };
  const writer = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const live = new Set<string>();
  const pending = graph.outputs.map((output) => output.name);
  const alive = new Set<unknown>();
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (live.has(name)) continue;
    live.add(name);
    const node = writer.get(name);
    if (!node || alive.has(node)) continue;
    alive.add(node);
    for (const value of readsOf(node)) pending.push(value);
  }
  graph.nodes = graph.nodes.filter((node) => alive.has(node));
  const inputs = new Set(graph.inputs.map((input) => input.name));
  const gone = new Set<string>();
  for (const name of [...graph.initializers.keys(), ...graph.sparse.keys()]) {
    if (live.has(name)) continue;
    graph.initializers.delete(name);
    graph.sparse.delete(name);
    // an initializer that was also an input (IR version 3) goes as both, or it would become a required input
    if (inputs.delete(name)) gone.add(name);
  }
  if (gone.size > 0) graph.inputs = graph.inputs.filter((input) => !gone.has(input.name));
  const written = new Set([
    ...inputs,
    ...graph.initializers.keys(),
    ...graph.sparse.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
  graph.values = graph.values.filter((value) => written.has(value.name));
  return {
    nodes: before.nodes - graph.nodes.length,
    initializers: before.initializers - graph.initializers.size - graph.sparse.size,
  };
}
