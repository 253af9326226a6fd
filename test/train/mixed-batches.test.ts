// Batches of several sources in one epoch: how many of each, in which order, and going on in the middle.
import { describe, expect, it } from 'vitest';
import { mixedBatches, sharesOf } from '../../src/train/mixed-batches.ts';
import type { BatchSource } from '../../src/train/types.ts';

/** Batches that say whose they are: rows is 1000 x source + 100 x epoch + number. */
const sourceOf = (source: number, length: number): BatchSource => ({
  length,
  async *epoch(index, from) {
    for (let i = from; i < length; i++) yield { feeds: {}, rows: 1000 * source + 100 * index + i };
  },
});
const three = [sourceOf(1, 12), sourceOf(2, 3), sourceOf(3, 6)];

async function rowsOf(batches: BatchSource, epoch: number, from = 0): Promise<number[]> {
  const rows: number[] = [];
  for await (const batch of batches.epoch(epoch, from)) rows.push(batch.rows);
  return rows;
}
const of = (rows: readonly number[], source: number): number[] =>
  rows.filter((row) => Math.floor(row / 1000) === source).map((row) => row % 1000);

describe('shares of an epoch', () => {
  it.each([
    [[12, 3, 6], 1, [12, 3, 6]],
    // n^(1/2): 10, 5, 1 of 126 by 16
    [[100, 25, 1], 2, [79, 39, 8]],
    [[1000, 1], 1, [1000, 1]],
    [[100, 50], 1e9, [75, 75]],
    [[1, 10_000], 1, [1, 10_000]],
  ])('%j at temperature %d', (lengths, temperature, shares) => {
    expect(sharesOf(lengths, temperature)).toEqual(shares);
  });
});

describe('an epoch of the mixture', () => {
  it('has every batch of every source once, in order by source, mixed', async () => {
    const rows = await rowsOf(mixedBatches(three, { seed: 1 }), 2);
    expect(rows).toHaveLength(21);
    for (const [i, { length }] of three.entries())
      expect(of(rows, i + 1)).toEqual(Array.from({ length }, (_, at) => 200 + at));
    const order = rows.map((row) => Math.floor(row / 1000)).join('');
    expect(order).not.toMatch(/^1+2+3+$/);
    expect(order).not.toBe(
      (await rowsOf(mixedBatches(three, { seed: 1 }), 3)).map((row) => Math.floor(row / 1000)).join(''),
    );
  });

  it('depends on seed and epoch alone, and starts within an epoch', async () => {
    const [a, b] = [mixedBatches(three, { seed: 5, temperature: 3 }), mixedBatches(three, { seed: 5, temperature: 3 })];
    for (const epoch of [0, 1, 4]) {
      const whole = await rowsOf(a, epoch);
      expect(await rowsOf(b, epoch)).toEqual(whole);
      for (const from of [1, 7, 20]) expect(await rowsOf(b, epoch, from)).toEqual(whole.slice(from));
    }
    expect(await rowsOf(mixedBatches(three, { seed: 6, temperature: 3 }), 0)).not.toEqual(await rowsOf(a, 0));
  });

  it('goes on in a source where the epoch before stopped, over its own epochs', async () => {
    const mixed = mixedBatches(three, { seed: 0, temperature: 1e9 }); // 7 of each
    const both = [...(await rowsOf(mixed, 0)), ...(await rowsOf(mixed, 1))];
    expect(of(both, 1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 101]);
    expect(of(both, 2)).toEqual([0, 1, 2, 100, 101, 102, 200, 201, 202, 300, 301, 302, 400, 401]);
  });
});
