// Where a product that makes several things is taken apart: the sizes of Split and the bounds of Slice.
import { constantBehind } from '../../ir/constants.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { isStandard } from '../../ir/node.ts';
import { int64s } from '../../ir/tensor.ts';
import { knownTensor } from '../../ir/trace/known.ts';
import { indexUses, type Uses } from '../../ir/uses.ts';

/**
 * Whoever takes parts of `before` features out of `value` takes parts of `after`. Bounds that are computed from shapes
 * follow by themselves.
 */
export function resizeParts(graph: Graph, value: string, before: number, after: number): void {
  const uses = indexUses(graph);
  const names = new Names(graph);
  const readers = new Set((uses.consumers.get(value) ?? []).map(({ node }) => node.outputs[0]));
  const scaled = (bound: number): number => (bound % before === 0 ? (bound / before) * after : bound);
  graph.nodes = graph.nodes.map((node) => {
    if (!readers.has(node.outputs[0]) || !isStandard(node) || (node.op !== 'Split' && node.op !== 'Slice')) return node;
    const bounds = node.op === 'Split' ? [1] : [1, 2];
    return bounds.reduce((one, at) => withBounds(graph, uses, names, one, at, scaled), withAttributes(node, scaled));
  });
}

function withBounds(
  graph: Graph,
  uses: Uses,
  names: Names,
  node: Node,
  at: number,
  scaled: (bound: number) => number,
): Node {
  const constant = node.inputs[at] ? constantBehind(graph, uses, node.inputs[at]) : undefined;
  const known = constant && knownTensor(constant.tensor);
  if (!known || known.data.length === 0) return node;
  const [old, own] = [Array.from(known.data), Array.from(known.data, scaled)];
  if (own.join() === old.join()) return node;
  const name = names.fresh(`${node.name || node.outputs[0]}_bounds`);
  graph.initializers.set(name, int64s([own.length], own));
  return { ...node, inputs: node.inputs.with(at, name) };
}

/** Sizes of Split before opset 13. */
function withAttributes(node: Node, scaled: (bound: number) => number): Node {
  const sizes = node.attrs.get('split');
  if (node.op !== 'Split' || sizes?.type !== 'ints') return node;
  const value = sizes.value.map((size) => BigInt(scaled(Number(size))));
  return { ...node, attrs: new Map(node.attrs).set('split', { type: 'ints', value }) };
}
