// Memory does not follow the number of rows: what is alive while 200,000 rows are read, against 10,000, in every text format.
import { expect, it } from 'vitest';
import { memoryGrowth } from '../data/memory-growth.ts';

it('holds the rows of no text format', () => {
  const growth = memoryGrowth(10_000, 200_000);
  expect(Object.keys(growth)).toHaveLength(6);
  // the rows themselves are 25 MiB
  for (const [name, bytes] of Object.entries(growth)) expect(bytes, name).toBeLessThan(2 * 2 ** 20);
});
