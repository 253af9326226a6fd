// Layers: which feed-forward blocks, norms and other dense layers belong to which attention.
import { bitsOf, type Depth } from './depth.ts';
import { placeNorms } from './norm-places.ts';
import type { PlainNorm } from './norms.ts';
import { readBy } from './low-rank.ts';
import type { Scene } from './scene.ts';
import type { Attention, Dense, Encoder, FeedForward, Layer, Norm } from './types.ts';
import { plain, residualAfter } from './walk.ts';

/** What the graph's blocks are, before they are sorted into layers. */
export interface Blocks {
  readonly attentions: readonly Attention[];
  readonly ffns: readonly FeedForward[];
  readonly norms: readonly PlainNorm[];
  readonly depth: Depth;
  /** Dense layers of attentions and feed-forward blocks. */
  readonly taken: ReadonlySet<Dense>;
}

/** One stack, sorted. */
export type Stack = Pick<Encoder, 'layers' | 'projection' | 'embeddingNorms' | 'normOrder' | 'hidden'> & {
  readonly after: readonly Norm[];
};

/** Sort blocks into the layers of the stack whose attentions are `members` (numbers, in order). */
export function sortStack(scene: Scene, blocks: Blocks, members: readonly number[]): Stack {
  const { attentions, depth } = blocks;
  const stack = members.map((i) => attentions[i]!);
  const mine = members.reduce((bits, i) => bits | (1n << BigInt(i)), 0n);
  const layerOf = (bits: bigint): number =>
    Math.max(-1, ...bitsOf(bits & depth.attentionBits).map((i) => members.indexOf(i)));
  const normOrder = orderOf(scene, stack.at(-1));

  const ffns = stack.map((): FeedForward[] => []);
  for (const ffn of blocks.ffns) {
    const bits = depth.before(ffn.in[0]!.input);
    const parallel = stack.findIndex((attention) => attention.input === plain(scene, ffn.in[0]!.input));
    const at = parallel >= 0 ? parallel : layerOf(bits);
    if (at >= 0) ffns[at]!.push(ffn);
    // pruning can leave nothing of the attention before it
    else if ((depth.after(ffn.out.output) & mine) !== 0n) ffns[0]!.push(ffn);
  }
  const others = stack.map((): Dense[] => []);
  let projection: Dense | undefined;
  for (const dense of scene.denses.values()) {
    if (blocks.taken.has(dense)) continue;
    const leads = depth.after(dense.output) & mine;
    const from = layerOf(depth.before(dense.input));
    if (leads === 0n && from < 0) continue;
    if (leads === 0n && residualAfter(scene, dense.output) === undefined) continue;
    const residual = residualAfter(scene, dense.output);
    // what is added to the output of a later attention is that layer's way in (MobileBERT's bottleneck), not the last one's way out
    const joins = residual ? layerOf(depth.before(residual.other)) : -1;
    const first = leads === 0n ? -1 : members.indexOf(bitsOf(leads)[0]!);
    if (from < 0 && isProjection(scene, dense, stack[0])) projection = dense;
    else others[joins > from ? joins : residual || first < 0 ? Math.max(from, 0) : first]?.push(dense);
  }
  const { norms, embeddingNorms, after } = placeNorms(scene, blocks, { stack, members, ffns, normOrder, layerOf });
  return {
    layers: stack.map((attention, i): Layer => ({ attention, ffn: ffns[i]!, norms: norms[i]!, others: others[i]! })),
    projection,
    embeddingNorms,
    normOrder,
    hidden: stack[0] && widthOf(scene, stack[0]),
    after,
  };
}

function widthOf(scene: Scene, { value, query, output }: Attention): number | undefined {
  const dense = value ?? query;
  return dense ? readBy(scene, dense).inFeatures : output?.outFeatures;
}

/** The only way from the embeddings into the first layer. */
function isProjection(scene: Scene, dense: Dense, first: Attention | undefined): boolean {
  const input = plain(scene, dense.input);
  const readers = new Set<unknown>();
  const pending = [input];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const { node } of scene.stream.readers(at)) {
      if (
        scene.denses.has(node) ||
        !/^(Identity|Cast|Reshape|(Dynamic)?QuantizeLinear|DequantizeLinear)$/.test(node.op)
      )
        readers.add(node);
      else pending.push(node.outputs[0]!);
    }
  }
  if (readers.size > 1 || first?.input === undefined) return false;
  const seen = new Set<string>();
  const back = [first.input];
  for (let at = back.pop(); at !== undefined; at = back.pop()) {
    if (at === dense.node.outputs[0]) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    const node = scene.uses.producer.get(at);
    if (node) back.push(...scene.stream.sources(node).map((source) => source.value));
  }
  return false;
}

/** post: the residual is what Q, K and V were computed from; pre: it is what was normalised for them. */
function orderOf(scene: Scene, last: Attention | undefined): Encoder['normOrder'] {
  const residual = last?.output && residualAfter(scene, last.output.output);
  if (!residual || last?.input === undefined) return undefined;
  const other = plain(scene, residual.other);
  if (other === last.input) return 'post';
  const seen = new Set<string>();
  const back = [last.input];
  for (let at = back.pop(); at !== undefined && seen.size < 40; at = back.pop()) {
    if (plain(scene, at) === other) return 'pre';
    const node = scene.uses.producer.get(at);
    if (seen.has(at) || !node || scene.denses.has(node)) continue;
    seen.add(at);
    back.push(...scene.stream.sources(node).map((source) => source.value));
  }
  return undefined;
}
