// Parquet files with any one byte damaged: an error of ours, or rows. test/data/parquet.test.ts takes a sample.
import { expect, it } from 'vitest';
import { readDamaged } from '../data/parquet-damage.ts';

it('gives an error of ours, or rows, whichever byte is damaged', () => {
  const ends = readDamaged(1, 9);
  expect(ends.size).toBeGreaterThan(9000);
  for (const [place, end] of ends) expect(end, place).toMatch(/^(\d+ rows$|DataError: )/);
});
