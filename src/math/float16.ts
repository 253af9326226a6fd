// float32 <-> float16 (IEEE 754 binary16), round to nearest even, over whole arrays.
import { kernelsWith } from './kernels/kernels.ts';

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

/** Convert float32 bit patterns to float16 bit patterns; finite values beyond 65504 are clamped. Adds to `stats`. */
export function float32ToFloat16(from: Int32Array | Uint32Array, to: Uint16Array, stats: HalfStats): void {
  // memory: 3 x 4 counts, then the float32s, then the float16s; zeros fill up the last four
  const padded = Math.ceil(from.length / 4) * 4;
  const x = 48;
  const out = x + 4 * padded;
  const kernels = kernelsWith(out + 2 * padded);
  const words = new Int32Array(kernels.memory.buffer);
  words.fill(0, 0, x / 4);
  words.set(from, x / 4);
  words.fill(0, x / 4 + from.length, x / 4 + padded);
  kernels.float32ToFloat16(x, out, padded, 0);
  to.set(new Uint16Array(kernels.memory.buffer, out, from.length));
  const sum = (at: number): number => words[at]! + words[at + 1]! + words[at + 2]! + words[at + 3]!;
  stats.overflow += sum(0);
  stats.underflow += sum(4);
  stats.nonFinite += sum(8);
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
