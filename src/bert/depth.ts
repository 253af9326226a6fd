// Where in the stack a value stands: which attentions and feed-forward blocks lie before it, which attentions after it.
import type { Node } from '../ir/graph.ts';
import type { Stream } from './stream.ts';
import type { Attention, FeedForward } from './types.ts';

/** Sets of blocks as bits: attention i is bit i, feed-forward block j bit `attentions + j`. */
export interface Depth {
  /** Blocks that a value is computed from. */
  before(value: string | undefined): bigint;
  /** Blocks that a node's data is computed from. */
  beforeNode(node: Node): bigint;
  /** Attentions computed from a value. */
  after(value: string): bigint;
  readonly attentionBits: bigint;
}

/** Mark every value of the stream; one pass each way. */
export function depthOf(stream: Stream, attentions: readonly Attention[], ffns: readonly FeedForward[]): Depth {
  const own = new Map<Node, bigint>();
  const mark = (node: Node, bit: number): void => void own.set(node, (own.get(node) ?? 0n) | (1n << BigInt(bit)));
  attentions.forEach((attention, i) => mark(attention.context ?? attention.node, i));
  ffns.forEach((ffn, j) => mark(ffn.out.node, attentions.length + j));

  const before = new Map<string, bigint>();
  const beforeNode = (node: Node): bigint =>
    stream.sources(node).reduce((bits, { value }) => bits | (before.get(value) ?? 0n), 0n);
  for (const node of stream.nodes) {
    const bits = beforeNode(node) | (own.get(node) ?? 0n);
    if (bits !== 0n) for (const output of node.outputs) if (stream.live(output)) before.set(output, bits);
  }
  const attentionBits = (1n << BigInt(attentions.length)) - 1n;
  const after = new Map<string, bigint>();
  // what joins an attention before its output layer (ConvBERT's convolutions) leads to it as well
  attentions.forEach((attention, i) => attention.output && mark(attention.output.node, i));
  for (const node of stream.nodes.toReversed()) {
    const bits = node.outputs.reduce(
      (sum, output) => sum | (after.get(output) ?? 0n),
      (own.get(node) ?? 0n) & attentionBits,
    );
    if (bits !== 0n) for (const { value } of stream.sources(node)) after.set(value, (after.get(value) ?? 0n) | bits);
  }
  return {
    before: (value) => (value === undefined ? 0n : (before.get(value) ?? 0n)),
    beforeNode,
    after: (value) => after.get(value) ?? 0n,
    attentionBits,
  };
}

/** Numbers of the bits that are set, lowest first. */
export function bitsOf(set: bigint): number[] {
  const out: number[] = [];
  for (let rest = set, i = 0; rest !== 0n; rest >>= 1n, i++) if (rest & 1n) out.push(i);
  return out;
}

/** Attentions grouped into stacks that share no data way: two encoders in one graph are two groups. Each in order. */
export function stacks(attentions: readonly Attention[], depth: Depth): number[][] {
  const above = attentions.map(
    (attention) => depth.beforeNode(attention.context ?? attention.node) & depth.attentionBits,
  );
  const group = attentions.map((_, i) => i);
  above.forEach((bits, i) => {
    for (const j of bitsOf(bits)) {
      const [from, to] = [group[i]!, group[j]!];
      if (from !== to) group.forEach((g, k) => (group[k] = g === from ? to : g));
    }
  });
  const size = (bits: bigint): number => bitsOf(bits).length;
  return [...new Set(group)].map((g) =>
    group.flatMap((own, i) => (own === g ? [i] : [])).toSorted((a, b) => size(above[a]!) - size(above[b]!) || a - b),
  );
}
