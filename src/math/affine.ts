// 8-bit affine quantization of float32 arrays: x ~ scale * (q - zeroPoint).
// Rules of onnxruntime's quant_utils.compute_scale_zp: zero is always representable, symmetric signed weights use -127..127,
// reduced range -64..64 (signed) or 0..127 (unsigned), rounding half to even.

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

/** Smallest and largest value of each channel, and how many values were NaN or infinite. */
export interface Ranges {
  readonly min: Float32Array;
  readonly max: Float32Array;
  nonFinite: number;
}

/** Ranges that include zero, so that zero is representable. */
export function emptyRanges(channels: number): Ranges {
  return { min: new Float32Array(channels), max: new Float32Array(channels), nonFinite: 0 };
}

/**
 * Take rows of a row-major [rows, columns] matrix into ranges.
 * axis 1: a range a column. axis 0: a range a row, `firstRow` being the index of the first row given.
 */
export function addToRanges(ranges: Ranges, values: Float32Array, columns: number, axis: 0 | 1, firstRow: number): void {
  const { min, max } = ranges;
  const rows = values.length / columns;
  for (let r = 0, i = 0; r < rows; r++) {
    // NaN compares false and would pass unseen; the sum of a row is finite exactly where all its values are (overflow aside)
    let sum = 0;
    if (axis === 1) {
      for (let c = 0; c < columns; c++, i++) {
        const x = values[i]!;
        sum += x;
        if (x < min[c]!) min[c] = x;
        if (x > max[c]!) max[c] = x;
      }
    } else {
      let low = 0;
      let high = 0;
      for (let c = 0; c < columns; c++, i++) {
        const x = values[i]!;
        sum += x;
        if (x < low) low = x;
        if (x > high) high = x;
      }
      min[firstRow + r] = low;
      max[firstRow + r] = high;
    }
    // a double holds the sum of any float32 row, so that only NaN or infinity makes it not finite
    if (!Number.isFinite(sum)) ranges.nonFinite += countNonFinite(values, i - columns, i);
  }
}

function countNonFinite(values: Float32Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (!Number.isFinite(values[i]!)) count++;
  return count;
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
const ROUNDER = 6755399441055744;

/** Round half to even, as numpy and onnxruntime do. */
export function roundHalfEven(x: number): number {
  return x + ROUNDER - ROUNDER;
}

/**
 * Quantize rows of a row-major [rows, columns] matrix into `out` (same layout, an Int8Array or Uint8Array of the whole matrix).
 * Channels run along `axis` (1 columns, 0 rows), or there is one for all (params of length 1).
 */
export function quantizeRows(
  values: Float32Array,
  columns: number,
  axis: 0 | 1,
  firstRow: number,
  params: AffineParams,
  grid: Grid,
  out: Int8Array | Uint8Array,
): void {
  const { min, max } = grid;
  const rows = values.length / columns;
  const single = params.scales.length === 1;
  let o = firstRow * columns;
  if (axis === 1 && !single) {
    const inverse = Float64Array.from(params.scales, (scale) => 1 / scale);
    const shift = Float64Array.from(params.zeroPoints);
    for (let r = 0, i = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++, i++, o++) {
        const q = values[i]! * inverse[c]! + ROUNDER - ROUNDER + shift[c]!;
        out[o] = q < min ? min : q > max ? max : q;
      }
    }
    return;
  }
  for (let r = 0, i = 0; r < rows; r++) {
    const channel = single ? 0 : firstRow + r;
    const inverse = 1 / params.scales[channel]!;
    const shift = params.zeroPoints[channel]!;
    for (let c = 0; c < columns; c++, i++, o++) {
      const q = values[i]! * inverse + ROUNDER - ROUNDER + shift;
      out[o] = q < min ? min : q > max ? max : q;
    }
  }
}

/** Transpose a row-major [rows, columns] matrix of bytes, in blocks that stay in cache. */
export function transposeBytes<T extends Int8Array | Uint8Array>(matrix: T, rows: number, columns: number): T {
  const out = matrix.slice() as T;
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
