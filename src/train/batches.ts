// Batches of examples of similar length, in an order that is random and the same for the same seed and epoch.
import { createRandom } from '../math/random.ts';
import type { BatchSource, TrainBatch } from './types.ts';

export interface BucketOptions {
  /** Examples in a batch. */
  readonly batch: number;
  readonly seed: number;
  /** Batches whose examples are sorted together; default 100. More: less padding, less mixing. */
  readonly together?: number | undefined;
}

/**
 * A source of length-bucketed batches: examples are shuffled, cut into chunks of `together` batches, sorted by length
 * within a chunk and cut into batches, and the batches are shuffled.
 * @param lengths tokens of each example, or whatever a batch is padded to the longest of
 * @param make a batch of the examples with these indices; called when the batch is wanted
 */
export function bucketedBatches(
  lengths: ArrayLike<number>,
  make: (examples: readonly number[]) => TrainBatch | Promise<TrainBatch>,
  options: BucketOptions,
): BatchSource {
  return {
    length: Math.ceil(lengths.length / options.batch),
    async *epoch(index, from = 0) {
      for (const examples of bucketOrder(lengths, index, options).slice(from)) yield make(examples);
    },
  };
}

/** Which examples are together in the batches of an epoch, in order. */
export function bucketOrder(lengths: ArrayLike<number>, epoch: number, options: BucketOptions): number[][] {
  const { batch, seed, together = 100 } = options;
  // createRandom takes what lies beyond 32 bits of a seed apart from the rest
  const random = createRandom(seed + epoch * 2 ** 32);
  const order = random.shuffle(Array.from({ length: lengths.length }, (_, i) => i));
  const batches: number[][] = [];
  for (let from = 0; from < order.length; from += batch * together) {
    const chunk = order.slice(from, from + batch * together).sort((a, b) => lengths[a]! - lengths[b]!);
    for (let i = 0; i < chunk.length; i += batch) batches.push(chunk.slice(i, i + batch));
  }
  return random.shuffle(batches);
}
