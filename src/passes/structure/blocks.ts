// The layers of a graph as a cut of heads and neurons sees them: all encoders' in order, and which of them share weights.
import { boundariesOf } from '../../bert/boundaries.ts';
import type { Attention, Dense, FeedForward, Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Model, Node } from '../../ir/graph.ts';

/** One layer. */
export interface Block {
  readonly attention: Attention;
  readonly ffn: readonly FeedForward[];
  /** Nodes on the way of the token data through it; why not where layers cannot be told apart. */
  readonly inside: readonly Node[] | string;
  /** Number of its encoder. */
  readonly encoder: number;
  /** Number of the first layer whose weights this one shares: its own where it shares none (ALBERT, bi-encoders). */
  readonly tied: number;
}

/** Layers of all encoders, in order. Throws ModelError where none is recognised. */
export function blocksOf({ graph }: Pick<Model, 'graph'>, { encoders, reasons }: Recognition): Block[] {
  const blocks: Block[] = [];
  const first = new Map<string, number>();
  for (const [number, encoder] of encoders.entries()) {
    const cut = boundariesOf(graph, encoder);
    for (const [i, { attention, ffn }] of encoder.layers.entries()) {
      const key = weightsOf(attention, ffn);
      const tied = (key === '' ? undefined : first.get(key)) ?? blocks.length;
      first.set(key, tied);
      blocks.push({ attention, ffn, inside: typeof cut === 'string' ? cut : cut.inside[i]!, encoder: number, tied });
    }
  }
  if (blocks.length > 0) return blocks;
  const why = reasons.length > 0 ? `: ${reasons.join('; ')}` : '';
  throw new ModelError(`layers: expected an encoder with layers, found none that was recognised${why}`);
}

/** Dense layers of a block that were recognised: attention's, then those of feed-forward blocks. */
export function densesOfBlock({
  attention: { query, key, value, output },
  ffn,
}: Pick<Block, 'attention' | 'ffn'>): Dense[] {
  const projections = [query, key, value, output].filter((dense) => dense !== undefined);
  return [...projections, ...ffn.flatMap((one) => [...one.in, one.out])];
}

/** The last dense layer of each weight. */
export function onePerWeight(denses: readonly Dense[]): Dense[] {
  return [...new Map(denses.map((dense) => [dense.weight.name, dense])).values()];
}

function weightsOf({ query, key, value, output }: Attention, ffn: readonly FeedForward[]): string {
  const denses = [query, key, value, output, ...ffn.flatMap((block) => [...block.in, block.out])];
  return denses.map((dense) => dense?.weight.name ?? '').join(' ').trim(); // prettier-ignore
}
