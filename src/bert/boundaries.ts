// Where each layer begins and ends: the values that all token data passes between two layers.
import type { Graph, Node } from '../ir/graph.ts';
import { orderedNodes } from '../ir/sort.ts';
import { traceGraph } from '../ir/trace/trace.ts';
import { capturedBy, indexUses } from '../ir/uses.ts';
import { makeStream, type Stream } from './stream.ts';
import type { Encoder, FeedForward } from './types.ts';

/** The stack of an encoder, cut between its layers. */
export interface Boundaries {
  /** What goes into each layer: values of one shape, [batch, sequence, hidden] in BERT's exports. */
  readonly into: readonly string[];
  /** What comes out of the last; undefined where no value of that shape does (SqueezeBERT turns its data round there). */
  readonly out: string | undefined;
  /** Nodes on the way of the token data through each layer. */
  readonly inside: readonly (readonly Node[])[];
}

/** What comes out of layer i. */
export function outOf({ into, out }: Boundaries, i: number): string | undefined {
  return i + 1 < into.length ? into[i + 1] : out;
}

/**
 * Cut an encoder between its layers. A cut is a value that every way of the token data from the embeddings to the graph's
 * outputs passes. Into a layer leads the last cut before its attention: after the norm where norms follow the residual
 * sum, the sum itself where they precede it.
 * @returns the reason where a layer cannot be cut off
 */
export function boundariesOf(graph: Graph, encoder: Encoder): Boundaries | string {
  const way = wayOf(graph, encoder);
  if (typeof way === 'string') return way;
  const into: string[] = [];
  let behind = -2;
  for (const [i, { attention }] of encoder.layers.entries()) {
    const at = way.place.get(attention.node);
    if (at === undefined) return `attention of layer ${i} is not on the way from the embeddings to an output`;
    const last = way.cuts.findLast((cut) => cut.at < at);
    if (!last || last.at <= behind) return noCut(`into layer ${i}`);
    if (!way.alike(into[0] ?? last.value, last.value)) return `what goes into layer ${i} is shaped otherwise`;
    into.push(last.value);
    behind = at;
  }
  const end = lastOutput(way, encoder, into);
  const out = end !== undefined && way.alike(into[0]!, end) ? end : undefined;
  const final = encoder.layers.at(-1);
  const blocks = [final?.attention.output?.node, ...(final?.ffn.map((one) => one.out.node) ?? [])];
  const until = Math.max(behind, ...blocks.map((node) => (node && way.place.get(node)) ?? -1));
  const at = (value: string | undefined): number => way.cuts.find((cut) => cut.value === value)?.at ?? until;
  return { into, out, inside: into.map((value, i) => way.nodes.slice(at(value) + 1, at(into[i + 1] ?? out) + 1)) };
}

function noCut(where: string): string {
  return `no single value carries the token data ${where}`;
}

/** Nodes that token data passes on its way to an output, in order, and the values that all of it passes. */
interface Way {
  readonly nodes: readonly Node[];
  readonly place: ReadonlyMap<Node, number>;
  /** `at` is the place of the node that makes the value, -1 for the embeddings. */
  readonly cuts: readonly { readonly value: string; readonly at: number }[];
  /** Are the two values of one shape? */
  alike(a: string, b: string): boolean;
}

function wayOf(graph: Graph, encoder: Encoder): Way | string {
  const token = encoder.embeddings.find((one) => one.role === 'token');
  if (!token) return 'no token embeddings were recognised';
  // EmbedLayerNormalization gives the sum before the norm as well; its output 1 counts the mask
  const sources = [token.node.outputs[0]!, token.node.outputs[2] ?? ''].filter((value) => value !== '');
  const uses = indexUses(graph);
  const stream = makeStream(orderedNodes(graph), uses, new Set(sources));
  const captured = graph.nodes.find((node) => [...capturedBy(node)].some((value) => stream.live(value)));
  if (captured) return `a subgraph of '${captured.name}' reads token data`;
  const nodes = leading(stream);
  const place = new Map(nodes.map((node, i) => [node, i]));
  const trace = traceGraph(graph, uses);
  const alike = (a: string, b: string): boolean => trace.dims(a)?.join() === trace.dims(b)?.join();
  return { nodes, place, cuts: cutsOf(stream, nodes, place, sources), alike };
}

/** Live nodes that an output depends on. */
function leading(stream: Stream): Node[] {
  const wanted = new Set(stream.uses.outputs);
  const kept = stream.nodes.toReversed().filter((node) => {
    const sources = stream.sources(node);
    if (sources.length === 0 || !node.outputs.some((output) => wanted.has(output))) return false;
    for (const { value } of sources) wanted.add(value);
    return true;
  });
  return kept.reverse();
}

/**
 * A value is a cut exactly where, right after the node that makes it, no other value is still to be read: in any
 * topological order all that leads to a cut stands before it.
 */
function cutsOf(
  stream: Stream,
  nodes: readonly Node[],
  place: ReadonlyMap<Node, number>,
  sources: readonly string[],
): Way['cuts'] {
  const lastRead = (value: string): number =>
    stream.uses.outputs.has(value)
      ? nodes.length
      : Math.max(-2, ...stream.readers(value).map(({ node }) => place.get(node) ?? -2));
  const open = new Map<string, number>();
  const cuts: { value: string; at: number }[] = [];
  for (let at = -1; at < nodes.length; at++) {
    for (const value of at < 0 ? sources : nodes[at]!.outputs) {
      const last = stream.live(value) ? lastRead(value) : -2;
      if (last > at) open.set(value, last);
    }
    for (const [value, last] of open) if (last <= at) open.delete(value);
    const [only] = open.keys();
    const made = at < 0 ? sources : nodes[at]!.outputs;
    if (open.size === 1 && made.includes(only!)) cuts.push({ value: only!, at });
  }
  return cuts;
}

/**
 * The end of the last layer lies as many cuts behind its feed-forward block as that of the layer before; of a single layer
 * as many as lie between attention and feed-forward block: the sum, and where it comes after the sum, the norm. Where that
 * is narrower than what goes in (MobileBERT's bottleneck), the layer's last norm ends it.
 */
function lastOutput(way: Way, { layers, normOrder }: Encoder, into: readonly string[]): string | undefined {
  const placeOf = (node: Node | undefined): number => (node && way.place.get(node)) ?? -1;
  const behind = (node: Node | undefined): Way['cuts'] => {
    const from = placeOf(node);
    return from < 0 ? [] : way.cuts.filter((cut) => cut.at >= from);
  };
  const ffn = (i: number): FeedForward | undefined => layers.at(i)?.ffn.at(-1);
  // pruned: what is left of the last layer ends with its attention
  if (!ffn(-1) || (layers.length > 1 && !ffn(-2))) {
    const cuts = behind(ffn(-1)?.out.node ?? layers.at(-1)?.attention.output?.node);
    const norm = layers.at(-1)?.norms.at(-1)?.output;
    return normOrder === 'pre' ? cuts[0]?.value : cuts.findLast((cut) => cut.value === norm)?.value;
  }
  const after = behind(ffn(-1)?.out.node);
  if (layers.length > 1) {
    const count = behind(ffn(-2)?.out.node).findIndex((cut) => cut.value === into.at(-1));
    return after[count]?.value;
  }
  const block = placeOf(layers[0]?.ffn[0]?.in[0]?.node);
  const count = behind(layers[0]?.attention.output?.node).filter((cut) => cut.at < block).length;
  const counted = after[count - 1]?.value;
  if (counted !== undefined && way.alike(into[0]!, counted)) return counted;
  const norm = layers[0]?.norms.at(-1)?.output;
  return after.find((cut) => cut.value === norm)?.value;
}
