// How large the weights of heads and neurons are: the norms of all that their output passes.
import type { FeedForward } from '../../bert/types.ts';
import { featureSquares } from './picks.ts';
import type { Plain } from './plain.ts';

/** Of each head the product of the squared norms of its value and output weights, through which all that it gives passes. */
export function headMagnitudes({ value, output, heads, headSize, packed }: Plain): Float64Array {
  const byHead = (squares: Float64Array, from = 0): Float64Array =>
    Float64Array.from({ length: heads }, (_, h) =>
      squares.subarray(from + h * headSize, from + (h + 1) * headSize).reduce((sum, x) => sum + x, 0),
    );
  const v = byHead(featureSquares(value, 'out'), packed ? 2 * heads * headSize : 0);
  const o = byHead(featureSquares(output, 'in'));
  return v.map((x, h) => x * o[h]!);
}

/** Of each neuron the product of the squared norms of its weights in and out, which scaling one up and the other down does not change. */
export function neuronMagnitudes({ in: ways, out, width }: FeedForward): Float64Array {
  const sides = [...ways.map((dense) => featureSquares(dense, 'out')), featureSquares(out, 'in')];
  // one product that makes gate and value has both one after the other
  const halves = sides.flatMap((side) => Array.from({ length: side.length / width }, (_, k) => side.subarray(k * width, (k + 1) * width))); // prettier-ignore
  return Float64Array.from({ length: width }, (_, i) => halves.reduce((product, half) => product * half[i]!, 1));
}
