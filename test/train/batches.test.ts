// Bucketed batches: every example once, similar lengths together, the same for the same seed and epoch.
import { expect, it } from 'vitest';
import { bucketedBatches, bucketOrder } from '../../src/train/batches.ts';

const lengths = Array.from({ length: 1003 }, (_, i) => (i * 7919) % 97);
const options = { batch: 8, seed: 3, together: 20 };

it('holds every example once in full batches of similar length', () => {
  const batches = bucketOrder(lengths, 0, options);
  expect(batches).toHaveLength(126);
  expect(batches.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
  expect(batches.map((batch) => batch.length).filter((size) => size !== 8)).toEqual([3]);
  const spread = (rows: number[][]): number => {
    const spreads = rows.map(
      (row) => Math.max(...row.map((i) => lengths[i]!)) - Math.min(...row.map((i) => lengths[i]!)),
    );
    return spreads.reduce((a, b) => a + b) / rows.length;
  };
  // 160 examples sorted by length and cut into 20: a twentieth of the range, against most of it when unsorted
  expect(spread(batches)).toBeLessThan(97 / 15);
  expect(spread(bucketOrder(lengths, 0, { ...options, together: 1 }))).toBeGreaterThan(97 / 2);
});

it('does not give batches in the order of length', () => {
  const firsts = bucketOrder(lengths, 0, options).map((batch) => lengths[batch[0]!]!);
  const rises = firsts.filter((length, i) => i > 0 && length > firsts[i - 1]!).length;
  expect(rises).toBeGreaterThan(40);
  expect(rises).toBeLessThan(85);
});

it('depends on seed and epoch alone', () => {
  const order = (epoch: number, seed: number): string =>
    JSON.stringify(bucketOrder(lengths, epoch, { ...options, seed }));
  expect(order(1, 3)).toBe(order(1, 3));
  expect(new Set([order(0, 3), order(1, 3), order(0, 4), order(1, 4)]).size).toBe(4);
});

it('starts within an epoch without making the batches before', async () => {
  const made: (readonly number[])[] = [];
  const source = bucketedBatches(
    lengths,
    (rows) => {
      made.push(rows);
      return { feeds: {}, rows: rows.length };
    },
    options,
  );
  for await (const batch of source.epoch(2, 120)) expect(batch.rows).toBe(made.at(-1)!.length);
  expect(source.length).toBe(126);
  expect(made).toEqual(bucketOrder(lengths, 2, options).slice(120));
});
