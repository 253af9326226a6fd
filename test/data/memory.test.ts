// Memory does not follow the number of rows, in any text format. test/real/data-memory.test.ts reads more of them.
import { expect, it } from 'vitest';
import { memoryGrowth } from './memory-growth.ts';

it('holds the rows of no text format', { timeout: 60_000 }, () => {
  const growth = memoryGrowth(5000, 60_000);
  expect(Object.keys(growth)).toHaveLength(6);
  // the rows themselves are 7 MiB
  for (const [name, bytes] of Object.entries(growth)) expect(bytes, name).toBeLessThan(1.5 * 2 ** 20);
});
