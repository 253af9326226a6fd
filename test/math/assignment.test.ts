import { describe, expect, it } from 'vitest';
import { assign } from '../../src/math/assignment.ts';
import { createRandom } from '../../src/math/random.ts';

/** Least sum by trying all. */
function best(costs: Float64Array, n: number, row = 0, taken = new Set<number>()): number {
  if (row === n) return 0;
  let least = Infinity;
  for (let j = 0; j < n; j++) {
    if (taken.has(j)) continue;
    taken.add(j);
    least = Math.min(least, costs[row * n + j]! + best(costs, n, row + 1, taken));
    taken.delete(j);
  }
  return least;
}

describe('assign', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])('is the best of all assignments of %i rows', (n) => {
    for (let seed = 0; seed < 20; seed++) {
      const random = createRandom(seed);
      const costs = Float64Array.from({ length: n * n }, () => Math.round(20 * (random.uniform() - 0.5)));
      const columns = assign(costs, n);
      expect(new Set(columns).size).toBe(n);
      const sum = columns.reduce((total, column, row) => total + costs[row * n + column]!, 0);
      expect(sum).toBeCloseTo(best(costs, n), 9);
    }
  });

  it('finds a permutation again', () => {
    const n = 200;
    const place = (i: number): number => (i * 37 + 11) % n;
    const costs = Float64Array.from({ length: n * n }, (_, i) =>
      place(Math.floor(i / n)) === i % n ? -1 : (i % 7) / 10,
    );
    expect([...assign(costs, n)]).toEqual(Array.from({ length: n }, (_, i) => place(i)));
  });
});
