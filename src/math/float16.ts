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

/**
 * Tables by sign and exponent (the upper 9 bits of a float32), after van der Zijp, "Fast Half Float Conversions" (2008):
 * half = base + ((mantissa | implicit) >> shift), rounded half to even.
 */
const base = new Uint16Array(512);
const shift = new Uint8Array(512);
for (let i = 0; i < 256; i++) {
  const exponent = i - 127;
  let b: number;
  let s: number;
  if (exponent < -25) [b, s] = [0, 25];
  else if (exponent < -14) [b, s] = [0, -exponent - 1]; // subnormal: implicit one joins the mantissa
  else if (exponent <= 15) [b, s] = [(exponent + 14) << 10, 13]; // one less, since the implicit one carries into the exponent
  else [b, s] = [0x7c00, 25];
  base[i] = b;
  base[i | 256] = b | 0x8000;
  shift[i] = s;
  shift[i | 256] = s;
}

/** Convert float32 bit patterns to float16 bit patterns; finite values beyond 65504 are clamped. Adds to `stats`. */
export function float32ToFloat16(from: Uint32Array, to: Uint16Array, stats: HalfStats): void {
  for (let i = 0; i < from.length; i++) {
    const bits = from[i]!;
    const key = bits >>> 23;
    const s = shift[key]!;
    const mantissa = (bits & 0x7fffff) | 0x800000;
    // add half of the last kept bit, less one where that bit is even: ties go to even
    const half = (base[key]! + ((mantissa + (1 << (s - 1)) - 1 + ((mantissa >>> s) & 1)) >>> s)) & 0xffff;
    to[i] = half;
    if (s === 25 || (half & 0x7fff) === 0 || (half & 0x7c00) === 0x7c00) to[i] = special(bits, half, stats);
  }
}

/** The rare ways out: zero, flushed to zero, beyond the range, infinity, NaN. */
function special(bits: number, half: number, stats: HalfStats): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude === 0) return sign;
  if (magnitude >= 0x7f800000) {
    stats.nonFinite++;
    return magnitude === 0x7f800000 ? sign | 0x7c00 : sign | 0x7e00;
  }
  if (magnitude > 0x40000000) {
    stats.overflow++;
    return sign | 0x7bff;
  }
  const kept = magnitude <= 0x33000000 ? 0 : half & 0x7fff; // 2^-25 and below round to zero
  if (kept === 0) stats.underflow++;
  return sign | kept;
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

/** One number as a float16 bit pattern, clamped to the finite range. */
export function numberToFloat16(value: number): number {
  const out = new Uint16Array(1);
  float32ToFloat16(new Uint32Array(Float32Array.of(value).buffer), out, { overflow: 0, underflow: 0, nonFinite: 0 });
  return out[0]!;
}
