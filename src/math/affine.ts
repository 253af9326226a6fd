// 8-bit affine quantization of float32 arrays: x ~ scale * (q - zeroPoint).
// Rules of onnxruntime's quant_utils.compute_scale_zp: zero is always representable, symmetric signed weights use -127..127,
// reduced range -64..64 (signed) or 0..127 (unsigned), rounding half to even.

import { kernelsWith } from './kernels/kernels.ts';

/** Integer type and range of a quantized weight. */
export interface Grid {
  readonly signed: boolean;
  readonly symmetric: boolean;
  readonly min: number;
  readonly max: number;
}

/** The grid of an 8-bit weight type. `reduced` keeps u8*s8 pair sums inside 16 bits on CPUs without VNNI. */
export function grid8(signed: boolean, symmetric: boolean, reduced: boolean): Grid {
  if (!signed) return { signed, symmetric, min: 0, max: reduced ? 127 : 255 };
  if (reduced) return { signed, symmetric, min: -64, max: 64 };
  return { signed, symmetric, min: symmetric ? -127 : -128, max: 127 };
}

/** Scales (float32) and zero points, one a channel. */
export interface AffineParams {
  readonly scales: Float32Array;
  readonly zeroPoints: Int16Array;
}

/** Smallest and largest value of each channel, zero included, and how many channels hold NaN or infinity. */
export interface Ranges {
  readonly min: Float32Array;
  readonly max: Float32Array;
  readonly nonFinite: number;
}

/** Collects ranges over the rows of a row-major [rows, columns] matrix: one a column (axis 1) or one a row (axis 0). */
export class RangeCollector {
  readonly #columns: number;
  readonly #axis: 0 | 1;
  readonly #symmetric: boolean;
  /**
   * Bit patterns of the largest magnitude: of all values where the grid is symmetric, else of positive values, with negative ones
   * in #low. Magnitudes order as their patterns do (IEEE 754), so that integers are compared; NaN and infinity are the largest of all.
   */
  readonly #high: Int32Array;
  readonly #low: Int32Array;

  constructor(rows: number, columns: number, axis: 0 | 1, symmetric: boolean) {
    this.#columns = columns;
    this.#axis = axis;
    this.#symmetric = symmetric;
    this.#high = new Int32Array(axis === 1 ? columns : rows);
    this.#low = symmetric ? this.#high : new Int32Array(this.#high.length);
  }

  /** Take whole rows, `firstRow` being the index of the first; `bits` are float32 patterns. */
  add(bits: Int32Array, firstRow: number): void {
    if (this.#symmetric) this.#addMagnitudes(bits, firstRow);
    else this.#addSigned(bits, firstRow);
  }

  #addMagnitudes(bits: Int32Array, firstRow: number): void {
    const columns = this.#columns;
    const high = this.#high;
    const ranges = this.#axis === 1 ? columns : 0;
    const kernels = kernelsWith(4 * (ranges + bits.length));
    const words = new Int32Array(kernels.memory.buffer);
    words.set(bits, ranges);
    if (this.#axis === 1) {
      words.set(high);
      for (let at = 0; at < bits.length; at += columns) kernels.columnMagnitudes(4 * (ranges + at), 0, columns);
      high.set(words.subarray(0, columns));
    } else {
      for (let at = 0, row = firstRow; at < bits.length; at += columns, row++)
        high[row] = kernels.rowMagnitude(4 * at, columns);
    }
  }

  #addSigned(bits: Int32Array, firstRow: number): void {
    const columns = this.#columns;
    for (let at = 0, row = firstRow; at < bits.length; at += columns, row++) {
      if (this.#axis === 0) this.#addRow(bits, at, row);
      else addSigned(bits, at, this.#high, this.#low);
    }
  }

  #addRow(bits: Int32Array, at: number, row: number): void {
    let high = 0;
    let low = 0;
    for (let i = at; i < at + this.#columns; i++) {
      const x = bits[i]!;
      const magnitude = x & 0x7fffffff;
      if (x >= 0) {
        if (magnitude > high) high = magnitude;
      } else if (magnitude > low) low = magnitude;
    }
    this.#low[row] = low;
    this.#high[row] = high;
  }

  /** The ranges so far. */
  ranges(): Ranges {
    const infinite = 0x7f800000;
    let nonFinite = 0;
    for (let c = 0; c < this.#high.length; c++)
      if (this.#high[c]! >= infinite || this.#low[c]! >= infinite) nonFinite++;
    return {
      max: new Float32Array(this.#high.buffer),
      min: new Float32Array(this.#low.buffer).map((x) => -x),
      nonFinite,
    };
  }
}

/** Take one row into the largest positive and negative magnitudes of each column. */
function addSigned(bits: Int32Array, at: number, high: Int32Array, low: Int32Array): void {
  for (let c = 0; c < high.length; c++) {
    const x = bits[at + c]!;
    if (x > high[c]!) high[c] = x;
    else if ((x & 0x7fffffff) > low[c]! && x < 0) low[c] = x & 0x7fffffff;
  }
}

/** One range over all channels (per-tensor quantization). */
export function mergeRanges(ranges: Ranges): Ranges {
  const min = Float32Array.of(0);
  const max = Float32Array.of(0);
  for (const x of ranges.min) if (x < min[0]!) min[0] = x;
  for (const x of ranges.max) if (x > max[0]!) max[0] = x;
  return { min, max, nonFinite: ranges.nonFinite };
}

const TINY = 1.1754943508222875e-38; // smallest normal float32: below it a scale is 1 (all zeros)

/** Scale and zero point of each channel. */
export function affineParams(ranges: Ranges, grid: Grid): AffineParams {
  const channels = ranges.min.length;
  const scales = new Float32Array(channels);
  const zeroPoints = new Int16Array(channels);
  for (let c = 0; c < channels; c++) {
    let low = ranges.min[c]!;
    let high = ranges.max[c]!;
    if (grid.symmetric) {
      high = Math.max(-low, high);
      low = -high;
    }
    const scale = Math.fround((high - low) / (grid.max - grid.min));
    const usable = scale >= TINY;
    scales[c] = usable ? scale : 1;
    if (grid.symmetric) zeroPoints[c] = grid.signed ? 0 : roundHalfEven((grid.min + grid.max) / 2);
    else zeroPoints[c] = usable ? Math.min(grid.max, Math.max(grid.min, roundHalfEven(grid.min - low / scale))) : 0;
  }
  return { scales, zeroPoints };
}

/** 1.5 * 2^52: adding and subtracting it rounds a double below 2^51 to the nearest integer, halves to even (IEEE 754). */
const DOUBLE_ROUNDER = 6755399441055744;

/** Round half to even, as numpy and onnxruntime do. */
export function roundHalfEven(x: number): number {
  return x + DOUBLE_ROUNDER - DOUBLE_ROUNDER;
}

/** Quantizes a row-major [rows, columns] float32 matrix, piece by piece, with a scale a column (axis 1), a row (axis 0), or one for all. */
export class Quantizer {
  readonly #columns: number;
  readonly #axis: 0 | 1;
  readonly #grid: Grid;
  readonly #inverse: Float32Array;
  readonly #zero: Int32Array;

  constructor(columns: number, axis: 0 | 1, params: AffineParams, grid: Grid) {
    this.#columns = columns;
    this.#axis = axis;
    this.#grid = grid;
    this.#inverse = Float32Array.from(params.scales, (scale) => 1 / scale);
    this.#zero = Int32Array.from(params.zeroPoints);
  }

  /** Quantize `values`, the elements of the matrix from index `start` on, into `out` (8-bit patterns, same length). */
  quantize(values: Float32Array, start: number, out: Uint8Array): void {
    const { min, max } = this.#grid;
    const columns = this.#columns;
    const channels = this.#inverse.length;
    const byColumn = channels > 1 && this.#axis === 1;
    // memory: factors and zero points of the columns, then the values, then their bytes
    const params = byColumn ? columns : 0;
    const outAt = 4 * (2 * params + values.length);
    const kernels = kernelsWith(outAt + values.length);
    const floats = new Float32Array(kernels.memory.buffer);
    floats.set(values, 2 * params);
    if (byColumn) {
      floats.set(this.#inverse);
      new Int32Array(kernels.memory.buffer).set(this.#zero, columns);
    }
    for (let at = 0; at < values.length;) {
      const column = (start + at) % columns;
      const n = Math.min(values.length - at, columns - column);
      const x = 4 * (2 * params + at);
      if (byColumn) kernels.quantizeColumns(x, 4 * column, 4 * (columns + column), outAt + at, n, min, max);
      else {
        const row = channels > 1 ? Math.floor((start + at) / columns) : 0;
        kernels.quantizeRow(x, this.#inverse[row]!, this.#zero[row]!, outAt + at, n, min, max);
      }
      at += n;
    }
    out.set(new Uint8Array(kernels.memory.buffer, outAt, values.length));
  }
}

/** Transpose a row-major [rows, columns] matrix of bytes, in blocks that stay in cache. */
export function transposeBytes(matrix: Uint8Array, rows: number, columns: number): Uint8Array {
  const out = new Uint8Array(matrix.length);
  const block = 32;
  for (let r0 = 0; r0 < rows; r0 += block) {
    const r1 = Math.min(rows, r0 + block);
    for (let c0 = 0; c0 < columns; c0 += block) {
      const c1 = Math.min(columns, c0 + block);
      for (let r = r0; r < r1; r++) for (let c = c0; c < c1; c++) out[c * rows + r] = matrix[r * columns + c]!;
    }
  }
  return out;
}
