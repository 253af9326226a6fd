// Topological order of nodes (Kahn), stable: a node keeps its place wherever its inputs allow it.
import type { Graph, Node } from './graph.ts';
import { capturedBy } from './uses.ts';

/** Names a node reads, those its subgraphs capture included. */
export function readsOf(node: Node): string[] {
  return [...node.inputs.filter((input) => input !== ''), ...capturedBy(node)];
}

/** Names that exist; asked, never listed. */
export interface NameSet {
  has(name: string): boolean;
}

export interface Sorted {
  readonly nodes: Node[];
  /** A value that nobody defines, and who reads it. */
  readonly missing?: { readonly node: Node; readonly value: string };
  /** A node on a cycle. */
  readonly cycle?: Node;
}

/** Sort nodes; `defined` are the names that exist before the first node. */
export function sortNodes(nodes: readonly Node[], defined: NameSet): Sorted {
  const writer = new Map<string, number>();
  nodes.forEach((node, i) => node.outputs.forEach((output) => writer.set(output, i)));
  const waits = new Int32Array(nodes.length);
  const readers: number[][] = nodes.map(() => []);
  for (const [i, node] of nodes.entries()) {
    for (const value of new Set(readsOf(node))) {
      const from = writer.get(value);
      if (from !== undefined) {
        readers[from]!.push(i);
        waits[i]!++;
      } else if (!defined.has(value)) return { nodes: [], missing: { node, value } };
    }
  }
  const sorted: Node[] = [];
  const ready = new MinHeap();
  waits.forEach((count, i) => count === 0 && ready.push(i));
  for (let i = ready.pop(); i !== undefined; i = ready.pop()) {
    sorted.push(nodes[i]!);
    for (const reader of readers[i]!) if (--waits[reader]! === 0) ready.push(reader);
  }
  if (sorted.length === nodes.length) return { nodes: sorted };
  return { nodes: sorted, cycle: nodes[onCycle(waits, readers)]! };
}

/** Index of a node on a cycle: whoever still waits has a writer that waits, so going from writer to writer ends in one. */
function onCycle(waits: Int32Array, readers: readonly (readonly number[])[]): number {
  const writerOf = new Map<number, number>();
  readers.forEach((list, i) => waits[i]! > 0 && list.forEach((reader) => writerOf.set(reader, i)));
  const seen = new Set<number>();
  let at = waits.findIndex((count) => count > 0);
  while (!seen.has(at)) {
    seen.add(at);
    at = writerOf.get(at)!;
  }
  return at;
}

/** Nodes of a graph in topological order: onnxruntime runs files whose nodes are not, and rules that go node by node must not care. */
export function orderedNodes(graph: Graph): Node[] {
  const outside = new Set([
    ...graph.inputs.map((input) => input.name),
    ...graph.initializers.keys(),
    ...graph.sparse.keys(),
  ]);
  return sortNodes(graph.nodes, outside).nodes;
}

/** Binary heap of small integers: the ready node that stood first goes first. */
class MinHeap {
  readonly #items: number[] = [];

  push(value: number): void {
    const items = this.#items;
    let at = items.push(value) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (items[up]! <= value) break;
      items[at] = items[up]!;
      at = up;
    }
    items[at] = value;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= items.length) break;
      if (down + 1 < items.length && items[down + 1]! < items[down]!) down++;
      if (items[down]! >= last) break;
      items[at] = items[down]!;
      at = down;
    }
    items[at] = last;
    return top;
  }
}
