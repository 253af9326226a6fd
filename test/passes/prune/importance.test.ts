// Importance of masks on numbers worked out by hand and by trying all sets.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/math/random.ts';
import { fisherDiagonal, fisherRemoval } from '../../../src/passes/prune/importance/fisher.ts';
import { taylor } from '../../../src/passes/prune/importance/taylor.ts';
import { wanda } from '../../../src/passes/prune/importance/wanda.ts';

// samples in rows, units in columns
const masks = Float32Array.of(1, -2, 0, 3, 2, 1);

describe('fisher', () => {
  it('is half the mean square of the gradients', () => {
    expect([...fisherDiagonal(masks, 3)]).toEqual([2.5, 2, 0.25]);
  });

  it('counts what units do together: of two that cancel each other the pair costs less than the smallest alone', () => {
    const together = Float32Array.of(2, -2, 1, -1.9, 2, 1);
    const { order, loss } = fisherRemoval(products(together, 3), 3, 2);
    expect(order[0]).toBe(2);
    expect(loss[2]).toBeCloseTo(risk(together, 3, [0, 1, 2]), 6);
    expect(risk(together, 3, [0, 1])).toBeLessThan(risk(together, 3, [2]));
  });

  it('tells the rise of the loss of every set that it removes', () => {
    const random = createRandom(1);
    const g = Float32Array.from({ length: 6 * 5 }, () => random.normal());
    const { order, loss } = fisherRemoval(products(g, 5), 5, 6);
    for (let count = 1; count <= 5; count++) {
      const removed = [...order.subarray(0, count)];
      expect(loss[count - 1]).toBeCloseTo(risk(g, 5, removed), 5);
      // greedy: no other unit in the last place would have cost less
      for (const other of order.subarray(count))
        expect(risk(g, 5, [...removed.slice(0, -1), other])).toBeGreaterThanOrEqual(loss[count - 1]! - 1e-6);
    }
  });
});

it('taylor is the mean size of the gradients', () => {
  expect([...taylor(masks, 3)]).toEqual([2, 2, 0.5]);
});

it('wanda is the square of weights times activations, summed over a unit', () => {
  const weight = Float32Array.of(1, 2, 0, 1, 3, 0, 1, 1);
  expect([...wanda(weight, Float64Array.of(2, 4, 1, 3), 2)]).toEqual([5 * 2 + 1 * 4, 9 * 1 + 2 * 3]);
});

/** g^T g */
function products(g: Float32Array, units: number): Float32Array {
  const sum = new Float32Array(units * units);
  for (let row = 0; row < g.length; row += units)
    for (let i = 0; i < units; i++) for (let j = 0; j < units; j++) sum[i * units + j]! += g[row + i]! * g[row + j]!;
  return sum;
}

/** 1/2 mean over samples of (sum of g over the removed)^2 */
function risk(g: Float32Array, units: number, removed: readonly number[]): number {
  let sum = 0;
  for (let row = 0; row < g.length; row += units)
    sum += removed.reduce((total, unit) => total + g[row + unit]!, 0) ** 2;
  return sum / (2 * (g.length / units));
}
