// The number of heads where a graph writes it down: in the targets of reshapes and in attributes of attention operators.
import type { Attention } from '../../bert/types.ts';
import { constantBehind } from '../../ir/constants.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { makeNode } from '../../ir/node.ts';
import { knownTensor } from '../../ir/trace/known.ts';
import { traceGraph } from '../../ir/trace/trace.ts';
import { int64s } from '../../ir/tensor.ts';
import { indexUses, type Uses } from '../../ir/uses.ts';

/** Attributes that hold a number of heads: com.microsoft MultiHeadAttention; Attention of opset 23. */
const attributes = ['num_heads', 'q_num_heads', 'kv_num_heads'];

/** What the number of heads depends on. */
export interface Split extends Pick<Attention, 'node' | 'query' | 'key' | 'value' | 'output'> {
  readonly heads: number;
  readonly headSize: number;
  /** Nodes of its layer on the way of the token data, in order. */
  readonly inside: readonly Node[];
}

/** Write `to` heads where the nodes of an attention have their number. Numbers computed from shapes follow by themselves. */
export function reshapeHeads(graph: Graph, attention: Split, to: number): void {
  const uses = indexUses(graph);
  const names = new Names(graph);
  const mine = between(attention);
  graph.nodes = graph.nodes.flatMap((node) => {
    if (node.outputs[0] === attention.node.outputs[0]) return [withHeads(node, attention, to)];
    if (!mine.has(node.outputs[0]!)) return [node];
    return node.op === 'Reshape' ? reshaped(graph, uses, names, node, attention, to) : [node];
  });
}

/** First outputs of the nodes from the projections of Q, K and V to the one of the output, both left out. */
function between({ query, key, value, output, inside }: Split): Set<string> {
  const reached = new Set([query, key, value].flatMap((dense) => dense?.node.outputs ?? []));
  const found = new Set<string>();
  for (const node of inside) {
    if (node === output?.node || !node.inputs.some((input) => reached.has(input))) continue;
    for (const made of node.outputs) reached.add(made);
    found.add(node.outputs[0]!);
  }
  return found;
}

function withHeads(node: Node, { headSize }: Split, to: number): Node {
  const attrs = new Map(node.attrs);
  if (attrs.has('qkv_hidden_sizes'))
    attrs.set('qkv_hidden_sizes', { type: 'ints', value: Array<bigint>(3).fill(BigInt(to * headSize)) });
  for (const name of attributes) if (attrs.has(name)) attrs.set(name, { type: 'int', value: BigInt(to) });
  return { ...node, attrs };
}

/** A piece of a reshape's target: known numbers, or one that is computed. */
type Piece = { readonly value: string; readonly numbers: readonly number[] | undefined };

function reshaped(graph: Graph, uses: Uses, names: Names, node: Node, split: Split, to: number): Node[] {
  const target = node.inputs[1] ?? '';
  const made = uses.producer.get(target);
  const pieces = (made?.op === 'Concat' ? made.inputs : [target]).map((value) => piece(graph, uses, value));
  const before = pieces.flatMap(({ numbers }): Target => numbers ?? [undefined]);
  const after: Target = withCount(before, split, to);
  if (after === before) return [node];
  let at = 0;
  const inputs = pieces.map(({ value, numbers }) => {
    const own = after.slice(at, (at += numbers?.length ?? 1));
    if (!numbers || own.join() === numbers.join()) return value;
    const name = names.fresh(`${node.name || node.outputs[0]}_heads`);
    graph.initializers.set(name, int64s([own.length], own as number[]));
    return name;
  });
  if (made?.op !== 'Concat') return [{ ...node, inputs: [node.inputs[0]!, inputs[0]!] }];
  const shape = names.fresh(`${target}_heads`);
  return [
    { ...made, name: names.fresh(`${made.name || target}_heads`), inputs, outputs: [shape] },
    { ...node, inputs: [node.inputs[0]!, shape] },
  ];
}

function piece(graph: Graph, uses: Uses, value: string): Piece {
  const constant = constantBehind(graph, uses, value);
  const known = constant && knownTensor(constant.tensor);
  return { value, numbers: known && Array.from(known.data) };
}

type Target = readonly (number | undefined)[];

/**
 * [..., heads, size] and [batch, heads, sequence, size] split, [..., heads size] merges, [heads, sequence, size] is a
 * batch of one, [..., 3, heads, size] takes a product of Q, K and V apart; the same array where the number is not in it.
 */
function withCount(target: Target, { heads, headSize }: Split, to: number): Target {
  const [last, rank] = [target.at(-1), target.length];
  const sized = last === headSize || last === -1;
  if (rank === 5 && sized && target[3] === heads && target[2] === 3) return target.with(3, to);
  if (rank === 4 && sized && target[2] === heads) return target.with(2, to);
  if (rank === 4 && sized && target[1] === heads) return target.with(1, to);
  if (rank === 3 && last === headSize && target[0] === heads) return target.with(0, to);
  return rank <= 3 && last === heads * headSize ? target.with(rank - 1, to * headSize) : target;
}

/**
 * Terms with an entry a head that are computed beside the token data, [batch, heads, ...] such as a table of positions,
 * lose the entries of heads that went. Those whose shape follows that of the data have done so already.
 */
export function pickTerms(graph: Graph, attention: Split, kept: readonly number[]): void {
  const uses = indexUses(graph);
  const trace = traceGraph(graph, uses);
  const names = new Names(graph);
  const mine = between(attention);
  const made = new Set(attention.inside.flatMap((node) => node.outputs));
  const isTerm = (value: string): boolean => {
    const dims = trace.dims(value);
    return !made.has(value) && dims?.length === 4 && dims[1] === attention.heads;
  };
  graph.nodes = graph.nodes.flatMap((node) => {
    const term = mine.has(node.outputs[0]!) ? node.inputs.findIndex(isTerm) : -1;
    if (term < 0) return [node];
    const [numbers, picked] = [names.fresh(`${node.inputs[term]}_kept`), names.fresh(`${node.inputs[term]}_heads`)];
    graph.initializers.set(numbers, int64s([kept.length], [...kept]));
    const gather = makeNode('Gather', [node.inputs[term]!, numbers], [picked], { name: picked, attrs: { axis: 1n } });
    return [gather, { ...node, inputs: node.inputs.with(term, picked) }];
  });
}
