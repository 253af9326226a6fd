// float32 <-> float16 (IEEE 754 binary16), round to nearest even, over whole arrays.

/** Largest finite float16. */
export const FLOAT16_MAX = 65504;

/** What a conversion did to values that float16 cannot hold. */
export interface HalfStats {
  /** Finite values beyond 65504, clamped to it. */
  overflow: number;
  /** Values other than zero that became zero. */
  underflow: number;
  /** NaN and infinities, kept as they are. */
  nonFinite: number;
}

/** float32 bit patterns of the smallest normal float16 (2^-14), and of the first value that rounds beyond 65504 (65520). */
const MIN_NORMAL = 0x38800000;
const BEYOND = 0x477ff000;
/** Difference of the exponent biases, 127 - 15, in float32's exponent field. */
const REBIAS = 0x38000000;

/** Convert float32 bit patterns to float16 bit patterns; finite values beyond 65504 are clamped. Adds to `stats`. */
export function float32ToFloat16(from: Int32Array | Uint32Array, to: Uint16Array, stats: HalfStats): void {
  for (let i = 0; i < from.length; i++) {
    const bits = from[i]! | 0;
    const magnitude = bits & 0x7fffffff;
    if (magnitude >= MIN_NORMAL && magnitude < BEYOND) {
      // add half of the last kept bit, less one where that bit is even: ties go to even
      to[i] = ((bits >>> 16) & 0x8000) | ((magnitude - REBIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else to[i] = special(bits, magnitude, stats);
  }
}

/** The rare ways out: zero, subnormal, flushed to zero, beyond the range, infinity, NaN. */
function special(bits: number, magnitude: number, stats: HalfStats): number {
  const sign = (bits >>> 16) & 0x8000;
  if (magnitude === 0) return sign;
  if (magnitude >= 0x7f800000) {
    stats.nonFinite++;
    return magnitude === 0x7f800000 ? sign | 0x7c00 : sign | 0x7e00;
  }
  if (magnitude >= BEYOND) {
    stats.overflow++;
    return sign | 0x7bff;
  }
  const kept = subnormal(magnitude);
  if (kept === 0) stats.underflow++;
  return sign | kept;
}

/** Float16 pattern of a magnitude below 2^-14: its mantissa counts in 2^-24, rounded half to even. */
function subnormal(magnitude: number): number {
  const shift = 126 - (magnitude >>> 23); // 14 for 2^-15 up to 24 for 2^-25; more rounds to zero
  if (shift > 24) return 0;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  return (mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift;
}

/** One float16 bit pattern as a number. */
export function float16ToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
