// SparseGPT and the factor it uses against numpy (make-sparse-gpt-vectors.py); exact counts; what is sparse stays as it is.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inverseFactor } from '../../src/math/inverse-factor.ts';
import { createRandom } from '../../src/math/random.ts';
import { dampedFactor, sparseGpt } from '../../src/math/sparse-gpt.ts';
import { markMatrix, markSmallest, type Amount } from '../../src/math/sparsity.ts';

interface Case {
  readonly name: string;
  readonly amount: Amount;
  readonly weights: number[];
}
const vectors: {
  rows: number;
  columns: number;
  weights: number[];
  inputs: number[];
  factor: number[];
  cases: (Case & { readonly block: number })[];
  wanda: Case[];
} = JSON.parse(readFileSync(new URL('sparse-gpt-vectors.json', import.meta.url), 'utf8'));
const { rows, columns } = vectors;
const gram = gramOf(vectors.inputs, columns);
const { factor } = dampedFactor(gram, columns)!;

function gramOf(inputs: ArrayLike<number>, width: number): Float64Array {
  const sums = new Float64Array(width * width);
  for (let at = 0; at < inputs.length; at += width)
    for (let i = 0; i < width; i++)
      for (let j = 0; j < width; j++) sums[i * width + j]! += inputs[at + i]! * inputs[at + j]!;
  return sums;
}

function noise(count: number, seed: number): Float64Array {
  const random = createRandom(seed);
  return Float64Array.from({ length: count }, () => random.bits() / 2 ** 31 - 1);
}

function expectClose(found: Float64Array, wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 9));
}

describe('the factor of the inverse', () => {
  it("is scipy's", () => expectClose(inverseFactor(gram, columns)!, vectors.factor));

  it('turns a matrix of several blocks into the identity', () => {
    const size = 150;
    const matrix = gramOf(noise(size * 400, 1), size);
    const u = inverseFactor(matrix, size)!;
    // U H U^T = I, since H^-1 = U^T U
    const row = (values: Float64Array, i: number): Float64Array => values.subarray(i * size, (i + 1) * size);
    const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    for (const i of [0, 63, 64, 149]) {
      const left = Float64Array.from({ length: size }, (_, k) => dot(row(u, i), row(matrix, k)));
      for (let j = 0; j < size; j++) expect(dot(left, row(u, j))).toBeCloseTo(i === j ? 1 : 0, 9);
    }
  });

  it('is none of a matrix that is not positive definite, until it is damped', () => {
    const singular = gramOf([1, 2, 3], 3);
    expect(inverseFactor(Float64Array.of(1, 3, 3, 1), 2)).toBeUndefined();
    expect(dampedFactor(singular, 3)!.damping).toBe(0.01);
    expect(dampedFactor(Float64Array.of(1, 3, 3, 1), 2)!.damping).toBe(10);
    expect(dampedFactor(new Float64Array(9), 3)).toBeUndefined();
    expect(dampedFactor(new Float64Array(9).fill(NaN), 3)).toBeUndefined();
  });
});

describe('SparseGPT', () => {
  it.each(vectors.cases)("gives numpy's weights: $name", ({ amount, block, weights }) => {
    const values = Float64Array.from(vectors.weights);
    sparseGpt(values, rows, columns, factor, amount, block);
    expectClose(values, weights);
  });

  it('loses less of the outputs than the same zeros without reconstruction', () => {
    const values = Float64Array.from(vectors.weights);
    sparseGpt(values, rows, columns, factor, { share: 0.5 });
    const masked = Float64Array.from(vectors.weights, (value, i) => (values[i] === 0 ? 0 : value));
    expect(outputError(values)).toBeLessThan(0.6 * outputError(masked));
  });

  it.each<Amount>([{ share: 0.6 }, { keep: 2, of: 4 }])('changes nothing the second time: %j', (amount) => {
    const once = noise(40 * 192, 2);
    const { factor } = dampedFactor(gramOf(noise(192 * 300, 3), 192), 192)!;
    sparseGpt(once, 40, 192, factor, amount);
    const twice = once.slice();
    sparseGpt(twice, 40, 192, factor, amount);
    expect(twice).toEqual(once);
  });

  it('counts exactly, over blocks that do not divide the matrix', () => {
    const values = noise(7 * 150, 4);
    const { factor } = dampedFactor(gramOf(noise(150 * 300, 5), 150), 150)!;
    sparseGpt(values, 7, 150, factor, { share: 0.63 });
    expect(values.filter((value) => value === 0).length).toBe(Math.round(0.63 * 7 * 150));
  });
});

/** ||X (W - W')^T||^2 */
function outputError(values: Float64Array): number {
  let sum = 0;
  for (let r = 0; r < rows; r++) {
    const lost = Float64Array.from(
      { length: columns },
      (_, j) => vectors.weights[r * columns + j]! - values[r * columns + j]!,
    );
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < columns; j++) sum += lost[i]! * gram[i * columns + j]! * lost[j]!;
  }
  return sum;
}

describe('the smallest', () => {
  it('are exactly as many as asked, of equal ones the first', () => {
    const marks = new Uint8Array(6);
    markSmallest(Float64Array.of(2, 1, 1, 0, 1, 3), 3, marks);
    expect([...marks]).toEqual([0, 1, 1, 1, 0, 0]);
  });

  it.each(vectors.wanda)("are numpy's by Wanda's score: $name", ({ amount, weights }) => {
    const scores = Float64Array.from(
      vectors.weights,
      (w, i) => Math.abs(w) * Math.sqrt(gram[(i % columns) * (columns + 1)]!),
    );
    const marks = markMatrix(scores, rows, columns, amount, 'row');
    expect(vectors.weights.map((w, i) => (marks[i] ? 0 : w))).toEqual(weights);
  });

  it('leave N of each M, and the share of the whole', () => {
    const groups = markMatrix(noise(6 * 16, 6), 6, 16, { keep: 3, of: 8 }, 'matrix');
    for (let at = 0; at < groups.length; at += 8)
      expect(groups.subarray(at, at + 8).filter((one) => one === 0).length).toBe(3);
    for (const within of ['row', 'matrix'] as const) {
      const marks = markMatrix(noise(7 * 11, 7), 7, 11, { share: 0.5 }, within);
      expect(marks.filter((one) => one === 1).length).toBe(Math.round(0.5 * 77));
    }
  });
});
