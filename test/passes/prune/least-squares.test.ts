// Ridge regression from sums against numpy's lstsq on the rows themselves.
import { describe, expect, it } from 'vitest';
import { errorLeft, solveFit, type Sums } from '../../../src/passes/prune/least-squares.ts';
import vectors from './least-squares-vectors.json' with { type: 'json' };

const { n, out, x, d, w, ridge } = vectors;

function sums(): Sums {
  const product = (a: readonly number[], m: number, b: readonly number[], k: number): Float64Array => {
    const sum = new Float64Array(m * k);
    w.forEach((weight, t) => {
      for (let i = 0; i < m; i++) for (let j = 0; j < k; j++) sum[i * k + j]! += weight * a[t * m + i]! * b[t * k + j]!;
    });
    return sum;
  };
  const ones = w.map(() => 1);
  const error = product(d, out, d, out).reduce((sum, value, i) => (i % (out + 1) === 0 ? sum + value : sum), 0);
  return {
    gram: product(x, n, x, n),
    cross: product(x, n, d, out),
    inputs: product(x, n, ones, 1),
    lacking: product(d, out, ones, 1),
    weight: w.reduce((sum, one) => sum + one, 0),
    error,
  };
}

describe('solveFit', () => {
  it.each([
    ['with a bias', true, vectors.biased],
    ['without one', false, vectors.plain],
  ] as const)('finds the ridge solution %s', (_, biased, expected) => {
    const fit = solveFit(sums(), [n, out], ridge, biased)!;
    expected.weight.forEach((value, i) => expect(fit.weight[i]).toBeCloseTo(value, 9));
    expected.bias.forEach((value, i) => expect(fit.bias[i]).toBeCloseTo(value, 9));
    expect(errorLeft(fit, sums(), [n, out])).toBeCloseTo(expected.left, 9);
  });

  it('gives nothing where inputs repeat each other and no ridge parts them', () => {
    const twice = { ...sums(), gram: Float64Array.from([1, 1, 1, 1]), cross: new Float64Array(2), inputs: new Float64Array(2) }; // prettier-ignore
    expect(solveFit(twice, [2, 1], 0, false)).toBeUndefined();
    expect(solveFit(twice, [2, 1], 0.01, false)).toBeDefined();
  });
});
