import { describe, expect, it } from 'vitest';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { createRandom } from '../../src/math/random.ts';
import {
  balanceOf,
  inputBasis,
  inputDirections,
  outputBasis,
  outputDirections,
  type Member,
} from '../../src/math/shared-basis.ts';

function normal(rows: number, columns: number, seed: number): Matrix {
  const random = createRandom(seed);
  return Matrix.from1DArray(
    rows,
    columns,
    Array.from({ length: rows * columns }, () => random.normal()),
  );
}

const flat = (matrix: Matrix): Float32Array => Float32Array.from(matrix.to1DArray());
const gramOf = (matrix: Matrix): Float64Array => Float64Array.from(matrix.transpose().mmul(matrix).to1DArray());
const matrix = (values: Float32Array, rows: number): Matrix =>
  Matrix.from1DArray(rows, values.length / rows, Array.from(values));
const energy = (one: Matrix): number => one.norm('frobenius') ** 2;

const x = normal(60, 7, 1);
const weights = [normal(7, 5, 2), normal(7, 9, 3), normal(7, 7, 4)];
const members = (gram: Float64Array | undefined): Member[] =>
  weights.map((weight) => ({ weight: flat(weight), out: weight.columns, gram }));

describe('inputBasis', () => {
  it.each([2, 4, 6])('of rank %i loses no more than the eigenvalues left out', (rank) => {
    const all = members(gramOf(x));
    const found = inputDirections(all, 7);
    const { basis, coefficients } = inputBasis(all, 7, rank, found);
    const lost = weights.map((weight, i) => {
      const product = matrix(basis, 7).mmul(matrix(coefficients[i]!, rank));
      return energy(x.mmul(Matrix.sub(weight, product))) / energy(x.mmul(weight));
    });
    // found by another road: eigenvalues of the sum of Y Y^T / |Y|^2 over the members' outputs Y = X W
    const outputs = weights.map((weight) => x.mmul(weight)).map((y) => y.mmul(y.transpose()).div(energy(y)));
    const sum = outputs.reduce((a, b) => a.add(b));
    const values = new EigenvalueDecomposition(sum, { assumeSymmetric: true }).realEigenvalues.toSorted((a, b) => b - a); // prettier-ignore
    const least = values.slice(rank).reduce((a, b) => a + b, 0);
    expect(lost.reduce((a, b) => a + b, 0)).toBeCloseTo(least, 4);
  });

  it('of full rank gives the weights back', () => {
    const all = members(undefined);
    const { basis, coefficients } = inputBasis(all, 7, 7, inputDirections(all, 7));
    for (const [i, weight] of weights.entries())
      expect(energy(Matrix.sub(weight, matrix(basis, 7).mmul(matrix(coefficients[i]!, 7))))).toBeLessThan(1e-8);
  });

  it('fits each member to inputs of its own', () => {
    const own = weights.map((weight, i): Member => ({ weight: flat(weight), out: weight.columns, gram: gramOf(normal(60, 7, 10 + i)) })); // prettier-ignore
    const { basis, coefficients } = inputBasis(own, 7, 3, inputDirections(own, 7));
    for (const [i, { gram }] of own.entries()) {
      const g = Matrix.from1DArray(7, 7, Array.from(gram!));
      const b = matrix(basis, 7);
      const rest = Matrix.sub(weights[i]!, b.mmul(matrix(coefficients[i]!, 3)));
      // normal equations: B^T G (W - B C) = 0
      expect(b.transpose().mmul(g).mmul(rest).norm('frobenius')).toBeLessThan(1e-2);
    }
  });
});

describe('outputBasis', () => {
  it('projects on what is written most, in directions of like variance', () => {
    const rank = 3;
    const inputs = [normal(50, 4, 5), normal(50, 6, 6)];
    // the first outputs are much larger than the others
    const uneven = Matrix.diag([9, 3, 1, 1, 1, 1, 1, 1]);
    const own = [normal(4, 8, 7).mmul(uneven), normal(6, 8, 8).mmul(uneven)];
    const ys = own.map((weight, i) => inputs[i]!.mmul(weight));
    const all = own.map((weight): Member => ({ weight: flat(weight), out: 8 }));
    const found = outputDirections(ys.map(gramOf), 8);
    const { basis, coefficients } = outputBasis(all, 8, rank, found);
    const lost = own.map((weight, i) => {
      const product = matrix(coefficients[i]!, weight.rows).mmul(matrix(basis, rank));
      return energy(inputs[i]!.mmul(Matrix.sub(weight, product))) / energy(ys[i]!);
    });
    const left = found.values.slice(rank).reduce((a, b) => a + b, 0);
    expect(lost.reduce((a, b) => a + b, 0)).toBeCloseTo(left, 4);
    // variances of what is between the products, members together: nearer each other than the eigenvalues are
    const variances = Array.from(
      { length: rank },
      (_, k) =>
      own.reduce((sum, weight, i) => sum + energy(inputs[i]!.mmul(matrix(coefficients[i]!, weight.rows).subMatrix(0, weight.rows - 1, k, k))) / energy(ys[i]!), 0), // prettier-ignore
    );
    expect(Math.max(...variances) / Math.min(...variances)).toBeLessThan(found.values[0]! / found.values[rank - 1]!);
  });
});

describe('balanceOf', () => {
  it('makes both sides of one size', () => {
    const [one, other] = [Float32Array.of(100, -100), Float32Array.of(0.01, 0.01, -0.01)];
    const factor = balanceOf(one, [other]);
    expect(100 * factor).toBeCloseTo(0.01 / factor, 6);
    expect(balanceOf(Float32Array.of(0), [other])).toBe(1);
  });
});
