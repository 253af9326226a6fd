import { describe, expect, it } from 'vitest';
import { entropyBits, kMeans } from '../../src/math/k-means.ts';
import { createRandom } from '../../src/math/random.ts';

/** Least sum of squared errors of `count` groups of neighbours in sorted order, by dynamic programming. */
function best(values: readonly number[], count: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const cost = (from: number, to: number): number => {
    const part = sorted.slice(from, to);
    const mean = part.reduce((sum, x) => sum + x, 0) / part.length;
    return part.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  };
  let least = Array.from({ length: sorted.length + 1 }, (_, to) => (to === 0 ? 0 : Infinity));
  for (let k = 0; k < count; k++)
    least = least.map((_, to) =>
      to === 0 ? 0 : Math.min(...Array.from({ length: to }, (_, from) => least[from]! + cost(from, to))),
    );
  return least.at(-1)!;
}

describe('kMeans', () => {
  it('finds groups that lie apart', () => {
    const { centres, codes, error } = kMeans(Float32Array.of(5, 1, 5, -2, 1, 5), 3);
    expect([...centres]).toEqual([-2, 1, 5]);
    expect([...codes]).toEqual([2, 1, 2, 0, 1, 2]);
    expect(error).toBe(0);
  });

  it('is within a tenth of the best error that there is', () => {
    const random = createRandom(4);
    const values = Float32Array.from({ length: 120 }, () => random.normal());
    const { error } = kMeans(values, 8);
    expect(error * values.length).toBeLessThan(1.1 * best([...values], 8));
  });

  it('gives each number its nearest centre', () => {
    const random = createRandom(5);
    const values = Float32Array.from({ length: 500 }, () => random.normal() ** 3);
    const { centres, codes } = kMeans(values, 16);
    values.forEach((value, i) => {
      const distances = [...centres].map((centre) => Math.abs(value - centre));
      expect(distances[codes[i]!]).toBeCloseTo(Math.min(...distances), 6);
    });
  });

  it('takes fewer numbers than centres, and equal ones', () => {
    const { centres, codes } = kMeans(Float32Array.of(3, 3, 3), 16);
    expect(centres[codes[1]!]).toBe(3);
    expect(kMeans(new Float32Array(0), 16).codes).toHaveLength(0);
  });
});

describe('entropyBits', () => {
  it('is 2 for four equally likely codes and 0 for one', () => {
    expect(entropyBits(Uint8Array.of(0, 1, 2, 3))).toBe(2);
    expect(entropyBits(Uint8Array.of(7, 7))).toBe(0);
  });
});
