// Batches of several sources in one epoch, each batch of one source, in an order that is random and the same for the same seed.
import { createRandom } from '../math/random.ts';
import type { BatchSource, TrainBatch } from './types.ts';

export interface MixOptions {
  readonly seed: number;
  /** 1: in proportion to size; above: nearer to as many of each (see `sharesOf`). */
  readonly temperature?: number | undefined;
}

/**
 * One source of all. An epoch has as many batches as all sources together. A source that gives more of them than it has
 * goes on with its next epoch; one that gives fewer goes on in the next epoch of the mixture where it stopped.
 */
export function mixedBatches(sources: readonly BatchSource[], { seed, temperature = 1 }: MixOptions): BatchSource {
  const shares = sharesOf(
    sources.map(({ length }) => length),
    temperature,
  );
  const places = shares.flatMap((count, source) => Array.from({ length: count }, () => source));
  return {
    length: places.length,
    async *epoch(index, from = 0) {
      const order = createRandom(seed + index * 2 ** 32).shuffle([...places]);
      const gone = order.slice(0, from);
      const streams = sources.map((source, i) =>
        streamOf(source, index * shares[i]! + gone.filter((one) => one === i).length),
      );
      for (const source of order.slice(from)) yield (await streams[source]!.next()).value;
    },
  };
}

/**
 * Batches of each source in an epoch: of the sum N = sum of n_i, the share n_i^(1/T) / sum of n_j^(1/T), by largest
 * remainders and at least one (temperature sampling; Raffel et al. 2020, section 3.5.2).
 * @param lengths n_i, above zero
 */
export function sharesOf(lengths: readonly number[], temperature: number): number[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const warm = lengths.map((length) => length ** (1 / temperature));
  const all = warm.reduce((sum, one) => sum + one, 0);
  const exact = warm.map((one) => (total * one) / all);
  const shares = exact.map(Math.floor);
  const byRemainder = [...exact.keys()].sort((a, b) => (exact[b]! % 1) - (exact[a]! % 1));
  let left = Math.round(total) - shares.reduce((sum, share) => sum + share, 0);
  for (const i of byRemainder) if (left-- > 0) shares[i]!++;
  return shares.map((share) => Math.max(1, share));
}

/** Batches of a source from number `from` on, over its epochs, without an end. */
async function* streamOf(source: BatchSource, from: number): AsyncGenerator<TrainBatch, never> {
  let at = from % source.length;
  for (let epoch = Math.floor(from / source.length); ; epoch++) {
    yield* source.epoch(epoch, at);
    at = 0;
  }
}
