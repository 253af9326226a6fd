// Cholesky factor of the inverse of a positive definite matrix, without forming the inverse.
import { subtractRows } from './subtract-rows.ts';

/** Rows that are worked on together: what they read stays in a core's cache. */
const BLOCK = 64;

/**
 * The upper triangular U with U^T U = H^-1, row-major, zeros below the diagonal: torch's
 * cholesky(cholesky_inverse(cholesky(H)), upper=True) at half its cost. With J turning the order of rows, J H J = L L^T gives
 * H = (J L J)(J L J)^T, so that U = J L^-1 J.
 * @param matrix H, symmetric, [size, size] row-major; untouched
 * @returns undefined where H is not positive definite in float64
 */
export function inverseFactor(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = matrix.slice(0, size * size).reverse();
  if (!factorise(factor, size)) return undefined;
  invertLower(factor, size);
  return factor.reverse();
}

/** L with L L^T = A in A's lower triangle; zeros above. False where A has none. Right-looking: a block of columns, then what is right of it. */
function factorise(a: Float64Array, size: number): boolean {
  const turned = new Float64Array(BLOCK * size);
  const factors = new Float64Array(BLOCK);
  for (let from = 0; from < size; from += BLOCK) {
    const to = Math.min(size, from + BLOCK);
    if (!factoriseColumns(a, size, from, to)) return false;
    for (let i = to; i < size; i++) for (let k = from; k < to; k++) turned[(k - from) * size + i] = a[i * size + k]!;
    for (let i = to; i < size; i++) {
      factors.set(a.subarray(i * size + from, i * size + to));
      subtractRows(a, i * size + to, i - to + 1, factors, to - from, turned, to, size);
    }
  }
  for (let i = 0; i < size; i++) a.fill(0, i * size + i + 1, (i + 1) * size);
  return true;
}

/** Columns from, …, to - 1 of L, of which all before are done and subtracted. */
function factoriseColumns(a: Float64Array, size: number, from: number, to: number): boolean {
  for (let i = from; i < size; i++) {
    const row = i * size;
    for (let j = from; j < Math.min(i, to); j++) {
      let left = a[row + j]!;
      for (let k = from; k < j; k++) left -= a[row + k]! * a[j * size + k]!;
      a[row + j] = left / a[j * size + j]!;
    }
    if (i >= to) continue;
    let square = a[row + i]!;
    for (let k = from; k < i; k++) square -= a[row + k]! * a[row + k]!;
    if (!(square > 0 && square < Infinity)) return false;
    a[row + i] = Math.sqrt(square);
  }
  return true;
}

/** L^-1 in L's place: row i is (e_i - sum over k < i of L_ik times row k) / L_ii. */
function invertLower(l: Float64Array, size: number): void {
  const factors = new Float64Array(BLOCK);
  for (let from = 0; from < size; from += BLOCK) {
    const to = Math.min(size, from + BLOCK);
    const own = l.slice(from * size, to * size);
    l.fill(0, from * size, to * size);
    const subtract = (i: number, k: number, end: number): void => {
      const at = (i - from) * size;
      factors.set(own.subarray(at + k, at + end));
      subtractRows(l, i * size, end, factors, end - k, l, k * size, size);
    };
    for (let k = 0; k < from; k += BLOCK) for (let i = from; i < to; i++) subtract(i, k, k + BLOCK);
    for (let i = from; i < to; i++) {
      subtract(i, from, i);
      const inverse = 1 / own[(i - from) * size + i]!;
      for (let j = i * size; j < i * size + i; j++) l[j]! *= inverse;
      l[i * size + i] = inverse;
    }
  }
}
