// Which tokens the outputs are made from: a classifier on the first token does not read what the last layer says of others.
import { differentiate } from '../../autodiff/differentiate.ts';
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import type { SortedBatch } from '../../objectives/sorted-batches.ts';
import { opsetOf, type WithSession } from './gradients.ts';

/**
 * Of every token [sequences, length] of each batch its share of the row's squared gradient at `value`, that of half the sum
 * of squares of `outputs`: 1 in each row, 0 for padding, and all alike where nothing reaches the outputs.
 * @param value [batch, sequence, width]
 */
export async function tokenShares(
  model: Model,
  value: string,
  outputs: readonly string[],
  batches: readonly SortedBatch[],
  open: WithSession,
): Promise<Float32Array[]> {
  const { graph, squares } = squaresGraph(model, value, outputs);
  return open(graph, 'the gradient of the outputs', async (session) => {
    const shares: Float32Array[] = [];
    for (const { feeds, padded } of batches) {
      const found = await session.run(feeds, [squares]);
      shares.push(sharesOf(found[squares]!.data as Float32Array, padded.mask, padded.sequence)); // gradients are float32
    }
    return shares;
  });
}

function squaresGraph(model: Model, value: string, outputs: readonly string[]): { graph: Model; squares: string } {
  const copy = cloneModel(model);
  const head = new Builder(copy.graph, opsetOf(copy), 'prune_outputs');
  const sums = outputs.map((output) => head.op('ReduceSum', [head.op('Mul', [output, output])], { keepdims: 0n }));
  const loss = sums.reduce((a, b) => head.op('Add', [a, b]));
  copy.graph.nodes.push(...head.nodes);
  const { model: graph, gradients } = differentiate(copy, { loss, of: [value], keep: [value] });
  const builder = new Builder(graph.graph, opsetOf(graph), 'prune_shares');
  const gradient = gradients.get(value);
  const given = gradient && gradient.kind !== 'rows' ? gradient.output : builder.op('Sub', [value, value]);
  const squares = builder.reduceSum(builder.op('Mul', [given, given]), [2], false);
  graph.graph.nodes.push(...builder.nodes);
  graph.graph.outputs = [{ name: squares, dtype: 'float32' }];
  sweep(graph.graph);
  return { graph, squares };
}

function sharesOf(squares: Float32Array, mask: Uint8Array, length: number): Float32Array {
  const shares = squares.map((square, i) => square * mask[i]!);
  for (let row = 0; row < shares.length; row += length) {
    const own = shares.subarray(row, row + length);
    const sum = own.reduce((total, square) => total + square, 0);
    const tokens = mask.subarray(row, row + length).reduce((total, one) => total + one, 0);
    for (let i = 0; i < length; i++) own[i] = sum > 0 ? own[i]! / sum : mask[row + i]! / tokens;
  }
  return shares;
}
