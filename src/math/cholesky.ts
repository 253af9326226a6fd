// Symmetric positive definite systems in float64: factor and solve.

/**
 * Lower triangle L with A = L L^T, in place of A's lower triangle [n, n]; what is above the diagonal stays.
 * @returns the index of the first pivot that is not positive, or -1
 */
export function cholesky(a: Float64Array, n: number): number {
  for (let j = 0; j < n; j++) {
    const row = j * n;
    for (let i = 0; i <= j; i++) {
      const other = i * n;
      let sum = a[row + i]!;
      for (let k = 0; k < i; k++) sum -= a[row + k]! * a[other + k]!;
      if (i < j) a[row + i] = sum / a[other + i]!;
      else if (!(sum > 0)) return j;
      else a[row + i] = Math.sqrt(sum);
    }
  }
  return -1;
}

/** X with L L^T X = B, in place of B [n, columns]. */
export function choleskySolve(l: Float64Array, n: number, b: Float64Array, columns: number): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(b, i * columns, b, k * columns, l[i * n + k]!, columns);
    scale(b, i * columns, 1 / l[i * n + i]!, columns);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(b, i * columns, b, k * columns, l[k * n + i]!, columns);
    scale(b, i * columns, 1 / l[i * n + i]!, columns);
  }
}

function subtract(to: Float64Array, at: number, from: Float64Array, start: number, factor: number, n: number): void {
  for (let c = 0; c < n; c++) to[at + c] = to[at + c]! - factor * from[start + c]!;
}

function scale(values: Float64Array, at: number, factor: number, n: number): void {
  for (let c = 0; c < n; c++) values[at + c] = values[at + c]! * factor;
}
