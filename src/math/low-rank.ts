// The matrix of a given rank that is nearest another in a weighted norm.
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { cholesky } from './cholesky.ts';

/** How many directions, or which share of the weighted sum of squares they are to keep at least. */
export type Rank = number | { readonly energy: number };

/** left [rows, rank] times right [rank, columns]. */
export interface LowRank {
  readonly rank: number;
  readonly left: Float32Array;
  readonly right: Float32Array;
  /** Share of the weighted sum of squares that the product keeps, in [0, 1]. */
  readonly energy: number;
}

/**
 * Least of || D^1/2 (A - left right) || in the Frobenius norm, D the diagonal of `weights`: the projection of A on the first
 * eigenvectors of A^T D A (Eckart and Young 1936).
 * @param a [rows, columns] row-major
 * @param weights one a row, at least 0; default 1 each
 */
export function lowRankRows(a: Float32Array, columns: number, wanted: Rank, weights?: Float64Array): LowRank {
  const gram = rowGram(a, columns, weights);
  const { basis, energy, rank } = leading(gram, columns, wanted);
  return { rank, left: timesColumns(a, columns, basis, rank), right: transposed(basis, columns, rank), energy };
}

/**
 * Least of || X (A - left right) ||, where C = X^T X is what the product's input was seen to be: with C = L L^T the truncated SVD of
 * L^T A, here by the eigenvectors of the smaller of its two Gram matrices.
 * @param a [rows, columns] row-major
 * @param gram C [rows, rows]; without it the identity
 */
export function lowRank(a: Float32Array, rows: number, columns: number, wanted: Rank, gram?: Float64Array): LowRank {
  if (columns <= rows) {
    const inner = gram ? sandwich(a, rows, columns, gram) : rowGram(a, columns);
    const { basis, energy, rank } = leading(inner, columns, wanted);
    return { rank, left: timesColumns(a, columns, basis, rank), right: transposed(basis, columns, rank), energy };
  }
  const lower = gram ? choleskyOf(gram, rows) : identity(rows);
  const b = lowerTransposedTimes(lower, a, rows, columns);
  const { basis, energy, rank } = leading(columnGram(b, rows, columns), rows, wanted);
  // A = L^-T B, so left = L^-T U and right = U^T B
  return { rank, left: solveTransposed(lower, basis, rows, rank), right: basisTimes(basis, b, rows, columns, rank), energy }; // prettier-ignore
}

interface Leading {
  /** [size, rank]. */
  readonly basis: Float64Array;
  readonly rank: number;
  readonly energy: number;
}

/** First eigenvectors of a symmetric matrix, by falling eigenvalue. */
function leading(symmetric: Float64Array, size: number, wanted: Rank): Leading {
  const { values, vectors } = eigen(symmetric, size);
  const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);
  const all = sum(values);
  const rank = typeof wanted === 'number' ? wanted : rankOf(values, wanted.energy * all);
  const energy = all === 0 ? 1 : sum(values.slice(0, rank)) / all;
  return { basis: firstColumns(vectors, size, rank), rank, energy };
}

/** Least number of values, at least one, that have the sum. */
function rankOf(values: readonly number[], wanted: number): number {
  let sum = 0;
  const last = values.findIndex((value) => (sum += value) >= wanted);
  return last < 0 ? values.length : last + 1;
}

export interface Eigen {
  /** Falling, none below 0. */
  readonly values: readonly number[];
  /** [size, size], one a column, in the order of the values. */
  readonly vectors: Float64Array;
}

/** Of a symmetric positive semidefinite matrix [size, size]. */
export function eigen(symmetric: Float64Array, size: number): Eigen {
  const found = new EigenvalueDecomposition(Matrix.from1DArray(size, size, symmetric), { assumeSymmetric: true });
  const values = found.realEigenvalues.map((value) => Math.max(0, value));
  const order = [...values.keys()].sort((i, j) => values[j]! - values[i]!);
  const vectors = new Float64Array(size * size);
  for (let k = 0; k < size; k++)
    for (let i = 0; i < size; i++) vectors[i * size + k] = found.eigenvectorMatrix.get(i, order[k]!);
  return { values: order.map((at) => values[at]!), vectors };
}

/** [size, rank] of [size, size]. */
export function firstColumns(matrix: Float64Array, size: number, rank: number): Float64Array {
  const first = new Float64Array(size * rank);
  for (let i = 0; i < size; i++) first.set(matrix.subarray(i * size, i * size + rank), i * rank);
  return first;
}

/** A^T D A. */
function rowGram(a: Float32Array, columns: number, weights?: Float64Array): Float64Array {
  const gram = new Float64Array(columns * columns);
  const rows = a.length / columns;
  for (let r = 0; r < rows; r++) {
    const weight = weights ? weights[r]! : 1;
    if (weight === 0) continue;
    for (let i = 0; i < columns; i++) {
      const x = weight * a[r * columns + i]!;
      for (let j = 0; j <= i; j++) gram[i * columns + j]! += x * a[r * columns + j]!;
    }
  }
  return mirrored(gram, columns);
}

/** B B^T. */
export function columnGram(b: Float64Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += b[i * columns + k]! * b[j * columns + k]!;
      gram[i * rows + j] = sum;
    }
  return mirrored(gram, rows);
}

/** A^T C A. */
function sandwich(a: Float32Array, rows: number, columns: number, gram: Float64Array): Float64Array {
  const inner = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < rows; k++) {
      const c = gram[i * rows + k]!;
      for (let j = 0; j < columns; j++) inner[i * columns + j]! += c * a[k * columns + j]!;
    }
  const out = new Float64Array(columns * columns);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < columns; i++) {
      const x = a[r * columns + i]!;
      for (let j = 0; j <= i; j++) out[i * columns + j]! += x * inner[r * columns + j]!;
    }
  return mirrored(out, columns);
}

function mirrored(lower: Float64Array, size: number): Float64Array {
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) lower[j * size + i] = lower[i * size + j]!;
  return lower;
}

/** Share of the mean diagonal that is added to it: inputs that never vary would make C singular. */
const RIDGE = 1e-6;

/** L of C + ridge = L L^T in the lower triangle, row-major; the ridge grows until there is one. */
export function choleskyOf(gram: Float64Array, size: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * size + i]!;
  for (let ridge = (RIDGE * trace) / size || 1; ; ridge *= 10) {
    const lower = gram.slice();
    for (let i = 0; i < size; i++) lower[i * size + i]! += ridge;
    if (cholesky(lower, size) < 0) return lower;
  }
}

function identity(size: number): Float64Array {
  const one = new Float64Array(size * size);
  for (let i = 0; i < size; i++) one[i * size + i] = 1;
  return one;
}

/** L^T A. */
export function lowerTransposedTimes(
  lower: Float64Array,
  a: Float32Array,
  rows: number,
  columns: number,
): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let k = 0; k < rows; k++)
    for (let i = 0; i <= k; i++) {
      const x = lower[k * rows + i]!;
      if (x !== 0) for (let j = 0; j < columns; j++) out[i * columns + j]! += x * a[k * columns + j]!;
    }
  return out;
}

/** L^-T U by back substitution. */
export function solveTransposed(lower: Float64Array, u: Float64Array, size: number, rank: number): Float32Array {
  const x = u.slice();
  for (let i = size - 1; i >= 0; i--)
    for (let k = 0; k < rank; k++) {
      let sum = x[i * rank + k]!;
      for (let j = i + 1; j < size; j++) sum -= lower[j * size + i]! * x[j * rank + k]!;
      x[i * rank + k] = sum / lower[i * size + i]!;
    }
  return Float32Array.from(x);
}

/** U^T B. */
export function basisTimes(
  u: Float64Array,
  b: Float64Array,
  rows: number,
  columns: number,
  rank: number,
): Float32Array {
  const out = new Float64Array(rank * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < rank; k++) {
      const x = u[i * rank + k]!;
      for (let j = 0; j < columns; j++) out[k * columns + j]! += x * b[i * columns + j]!;
    }
  return Float32Array.from(out);
}

/** A V. */
export function timesColumns(a: Float32Array, columns: number, v: Float64Array, rank: number): Float32Array {
  const rows = a.length / columns;
  const out = new Float32Array(rows * rank);
  const sums = new Float64Array(rank);
  for (let r = 0; r < rows; r++) {
    sums.fill(0);
    for (let i = 0; i < columns; i++) {
      const x = a[r * columns + i]!;
      for (let k = 0; k < rank; k++) sums[k]! += x * v[i * rank + k]!;
    }
    out.set(sums, r * rank);
  }
  return out;
}

function transposed(basis: Float64Array, size: number, rank: number): Float32Array {
  const out = new Float32Array(size * rank);
  for (let i = 0; i < size; i++) for (let k = 0; k < rank; k++) out[k * size + i] = basis[i * rank + k]!;
  return out;
}
