// Which layer and block each norm belongs to.
import { bitsOf } from './depth.ts';
import type { Blocks } from './layers.ts';
import type { PlainNorm } from './norms.ts';
import type { Scene } from './scene.ts';
import type { Attention, Dense, Encoder, FeedForward, Norm } from './types.ts';
import { behind, plain, residualAfter } from './walk.ts';

/** A stack while its norms are placed. */
interface Sorted {
  readonly stack: readonly Attention[];
  /** Numbers of its attentions. */
  readonly members: readonly number[];
  readonly ffns: readonly (readonly FeedForward[])[];
  readonly normOrder: Encoder['normOrder'];
  /** Last layer among the blocks in a set; -1 where there is none. */
  readonly layerOf: (bits: bigint) => number;
}

/** Norms by layer, those of the embeddings, and those after the last layer. */
export interface NormPlaces {
  readonly norms: Norm[][];
  readonly embeddingNorms: Norm[];
  readonly after: Norm[];
}

/** A norm after a block belongs to it; where norms come first (pre-norm) it belongs to the block it feeds. */
export function placeNorms(scene: Scene, blocks: Blocks, sorted: Sorted): NormPlaces {
  const { stack, members, ffns, normOrder, layerOf } = sorted;
  const mine = members.reduce((bits, i) => bits | (1n << BigInt(i)), 0n);
  const norms = stack.map((): Norm[] => []);
  const embeddingNorms: Norm[] = [];
  const after: Norm[] = [];
  const ffnBit = (ffn: FeedForward): number => blocks.ffns.indexOf(ffn) + blocks.attentions.length;
  for (const norm of blocks.norms) {
    const bits = blocks.depth.beforeNode(norm.node);
    const leads = blocks.depth.after(norm.output) & mine;
    if (leads === 0n && (bits & mine) === 0n) continue;
    const at = layerOf(bits);
    const around = denseBefore(scene, norm, blocks.taken);
    const fed = normOrder === 'pre' ? blockFed(scene, norm, stack, ffns) : undefined;
    if (around === 'block')
      norms[Math.max(0, at, members.indexOf(bitsOf(leads)[0] ?? -1))]!.push({ ...norm, place: 'inner' });
    else if (fed && !(at < 0 && isResidual(scene, norm, stack[0])))
      norms[fed.layer]!.push({ ...norm, place: fed.place });
    else if (at < 0 && followsProjection(norm, stack, scene)) norms[0]!.push({ ...norm, place: 'attention' });
    else if (at < 0) embeddingNorms.push({ ...norm, place: 'embeddings' });
    else if (around === 'head' && leads !== 0n)
      norms[members.indexOf(bitsOf(leads)[0]!)]?.push({ ...norm, place: 'attention' });
    else if (leads === 0n && at === stack.length - 1 && (around === 'head' || normOrder === 'pre'))
      after.push({ ...norm, place: 'head' });
    else {
      const behindFfn = ffns[at]!.some((ffn) => (bits >> BigInt(ffnBit(ffn))) & 1n);
      norms[at]!.push({ ...norm, place: behindFfn ? 'ffn' : 'attention' });
    }
  }
  return { norms, embeddingNorms, after };
}

/** The one dense layer whose result is normalised, no residual sum between: a block's own, or a prediction head's. */
function denseBefore(scene: Scene, norm: PlainNorm, taken: ReadonlySet<Dense>): 'block' | 'head' | undefined {
  const sources = scene.stream.sources(norm.node);
  if (norm.op.startsWith('Skip') && sources.length > 1) return undefined;
  const way = behind(scene, sources[0]?.value ?? '', 1);
  const [dense] = way.denses;
  if (way.open || way.denses.length !== 1 || !dense) return undefined;
  return taken.has(dense) ? 'block' : 'head';
}

function blockFed(
  scene: Scene,
  norm: PlainNorm,
  stack: readonly Attention[],
  ffns: readonly (readonly FeedForward[])[],
): { layer: number; place: 'attention' | 'ffn' } | undefined {
  const output = plain(scene, norm.output);
  const attention = stack.findIndex((one) => one.input === output);
  if (attention >= 0) return { layer: attention, place: 'attention' };
  const ffn = ffns.findIndex((list) => list.some((one) => plain(scene, one.in[0]!.input) === output));
  return ffn >= 0 ? { layer: ffn, place: 'ffn' } : undefined;
}

/** The residual stream starts at the embeddings' own norm: ModernBERT's first layer has none before its attention. */
function isResidual(scene: Scene, norm: PlainNorm, first: Attention | undefined): boolean {
  const residual = first?.output && residualAfter(scene, first.output.output);
  return residual !== undefined && plain(scene, residual.other) === plain(scene, norm.output);
}

/** MobileBERT normalises the bottlenecks of its first layer, which come after the embeddings' own norm. */
function followsProjection(norm: PlainNorm, stack: readonly Attention[], scene: Scene): boolean {
  return (
    norm.kind === 'none' &&
    stack[0]?.value !== undefined &&
    plain(scene, stack[0].value.input) !== norm.output &&
    stack[0].query?.input !== stack[0].value.input
  );
}
