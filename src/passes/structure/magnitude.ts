// How large the weights of heads and neurons are: the norms of all that their output passes.
import type { Attention, Dense, FeedForward } from '../../bert/types.ts';
import { featureSquares } from './picks.ts';

/** Of each head the product of the squared norms of its value and output weights, through which all that it gives passes. */
export function headMagnitudes({ value, output, heads, headSize }: SplitHeads): Float64Array {
  const byHead = (squares: Float64Array): Float64Array =>
    Float64Array.from({ length: heads }, (_, h) =>
      squares.subarray(h * headSize, (h + 1) * headSize).reduce((sum, x) => sum + x, 0),
    );
  const [v, o] = [byHead(featureSquares(value, 'out')), byHead(featureSquares(output, 'in'))];
  return v.map((x, h) => x * o[h]!);
}

/** An attention whose heads are slices of features. */
export interface SplitHeads extends Pick<Attention, 'node'> {
  readonly heads: number;
  readonly headSize: number;
  readonly value: Dense;
  readonly output: Dense;
}

/** Of each neuron the product of the squared norms of its weights in and out, which scaling one up and the other down does not change. */
export function neuronMagnitudes(block: FeedForward): Float64Array {
  const sides = [...block.in.map((dense) => featureSquares(dense, 'out')), featureSquares(block.out, 'in')];
  return sides[0]!.map((_, i) => sides.reduce((product, side) => product * side[i]!, 1));
}
