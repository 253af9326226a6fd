import { describe, expect, it } from 'vitest';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { lowRank, lowRankRows, type LowRank } from '../../src/math/low-rank.ts';
import { createRandom } from '../../src/math/random.ts';

function normal(rows: number, columns: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: rows * columns }, () => random.normal());
}

const matrix = (values: ArrayLike<number>, rows: number, columns: number): Matrix =>
  Matrix.from1DArray(rows, columns, Array.from(values));

/** || X (A - left right) ||^2 */
function error(x: Matrix, a: Matrix, { left, right }: LowRank, rank: number): number {
  const product = matrix(left, a.rows, rank).mmul(matrix(right, rank, a.columns));
  return x.mmul(Matrix.sub(a, product)).norm('frobenius') ** 2;
}

describe('lowRank', () => {
  it.each([
    [9, 5, 2],
    [5, 9, 2],
    [6, 6, 3],
    [4, 7, 4],
  ])('[%i, %i] of rank %i is as near as the singular values allow', (rows, columns, rank) => {
    const a = normal(rows, columns, 1);
    const x = matrix(normal(40, rows, 2), 40, rows);
    const gram = Float64Array.from(x.transpose().mmul(x).to1DArray());
    const found = lowRank(a, rows, columns, rank, gram);
    // the least possible: singular values of X A beyond the rank
    const { diagonal } = new SingularValueDecomposition(x.mmul(matrix(a, rows, columns)));
    const squares = diagonal.map((value) => value ** 2);
    const least = squares.slice(rank).reduce((sum, value) => sum + value, 0);
    const all = squares.reduce((sum, value) => sum + value, 0);
    expect(error(x, matrix(a, rows, columns), found, rank)).toBeCloseTo(least, 2);
    expect(found.energy).toBeCloseTo(1 - least / all, 5);
  });

  it('weights rows: a row that counts for nothing is not looked at', () => {
    const a = Float32Array.from([1, 0, 2, 0, 0, 5]);
    const { left, right, energy } = lowRankRows(a, 2, 1, Float64Array.from([1, 1, 0]));
    expect(energy).toBeCloseTo(1, 6);
    expect(Math.abs(left[0]! * right[0]!)).toBeCloseTo(1, 5);
    expect(Math.abs(left[1]! * right[0]!)).toBeCloseTo(2, 5);
  });

  it('full rank gives the matrix again', () => {
    const a = normal(6, 4, 3);
    const { left, right } = lowRankRows(a, 4, 4);
    const product = matrix(left, 6, 4)
      .mmul(matrix(right, 4, 4))
      .to1DArray();
    product.forEach((value, i) => expect(value).toBeCloseTo(a[i]!, 5));
  });
});
