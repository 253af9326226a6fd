// The inner loop of the factorisations: multiples of rows of a matrix taken off a row.

/**
 * into[at + j] -= sum over k of factors[k] * rows[from + k * stride + j], for j below `length` and k below `count`. Four rows at
 * a time, because loading and storing `into` costs more than the products; four factors that are zero cost nothing.
 */
export function subtractRows(
  into: Float64Array,
  at: number,
  length: number,
  factors: Float64Array,
  count: number,
  rows: Float64Array,
  from: number,
  stride: number,
): void {
  for (let k = 0; k < count; k += 4) {
    const left = count - k;
    const a = factors[k]!;
    const b = left > 1 ? factors[k + 1]! : 0;
    const c = left > 2 ? factors[k + 2]! : 0;
    const d = left > 3 ? factors[k + 3]! : 0;
    if (a === 0 && b === 0 && c === 0 && d === 0) continue;
    const p = from + k * stride;
    const q = left > 1 ? p + stride : p;
    const r = left > 2 ? q + stride : p;
    const s = left > 3 ? r + stride : p;
    for (let j = 0; j < length; j++)
      into[at + j]! -= a * rows[p + j]! + b * rows[q + j]! + c * rows[r + j]! + d * rows[s + j]!;
  }
}
