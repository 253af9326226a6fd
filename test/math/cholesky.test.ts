// Factoring and solving against products computed back.
import { describe, expect, it } from 'vitest';
import { cholesky, choleskySolve } from '../../src/math/cholesky.ts';
import { createRandom } from '../../src/math/random.ts';

const n = 7;

/** A positive definite matrix and a right side. */
function system(columns: number): { a: Float64Array; b: Float64Array } {
  const random = createRandom(4);
  const m = Float64Array.from({ length: n * n }, () => random.normal());
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) a[i * n + j]! += m[i * n + k]! * m[j * n + k]!; // prettier-ignore
  return { a, b: Float64Array.from({ length: n * columns }, () => random.normal()) };
}

describe('cholesky', () => {
  it('solves a system: A X = B', () => {
    const { a, b } = system(3);
    const [l, x] = [a.slice(), b.slice()];
    expect(cholesky(l, n)).toBe(-1);
    choleskySolve(l, n, x, 3);
    for (let i = 0; i < n; i++)
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += a[i * n + k]! * x[k * 3 + c]!;
        expect(sum).toBeCloseTo(b[i * 3 + c]!, 8);
      }
  });

  it('names the pivot of a matrix that is not positive definite', () => {
    expect(cholesky(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, -1), 3)).toBe(2);
    expect(cholesky(Float64Array.of(1, 1, 1, 1), 2)).toBe(1);
  });
});
