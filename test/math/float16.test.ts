import { describe, expect, test } from 'vitest';
import { float16ToNumber, float32ToFloat16, FLOAT16_MAX } from '../../src/math/float16.ts';

function convert(values: readonly number[]) {
  const floats = Float32Array.from(values);
  const halves = new Uint16Array(values.length);
  const stats = { overflow: 0, underflow: 0, nonFinite: 0 };
  float32ToFloat16(new Int32Array(floats.buffer), halves, stats);
  return { halves: [...halves], stats };
}

/** Bit patterns of all finite magnitudes, in order. */
const finite = Array.from({ length: 0x7c00 }, (_, half) => half);

describe('float32 to float16', () => {
  test('every float16, of both signs, comes back as it was', () => {
    const both = [...finite, ...finite.map((half) => half | 0x8000)];
    expect(convert(both.map((half) => (half === 0x8000 ? -0 : float16ToNumber(half)))).halves).toEqual(both);
  });

  test('halfway between two goes to the even one, anything beside halfway to the nearer', () => {
    const below = finite.slice(0, -1);
    // exact in float32: one bit more than float16 has
    const middle = below.map((half) => (float16ToNumber(half) + float16ToNumber(half + 1)) / 2);
    expect(convert(middle).halves).toEqual(below.map((half) => half + (half & 1)));
    const under = middle.map((value) => value * (1 - 2 ** -20));
    const over = middle.map((value) => value * (1 + 2 ** -20));
    expect(convert(under).halves).toEqual(below);
    expect(convert(over).halves).toEqual(below.map((half) => half + 1));
  });

  test('what float16 cannot hold is clamped, flushed or kept, and counted', () => {
    const { halves, stats } = convert([
      65519,
      65520,
      -1e9,
      Infinity,
      -Infinity,
      NaN,
      2 ** -25,
      -(2 ** -26),
      1e-40,
      0,
      -0,
    ]);
    expect(halves).toEqual([0x7bff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0, 0x8000, 0, 0, 0x8000]);
    expect(stats).toEqual({ overflow: 2, underflow: 3, nonFinite: 3 });
    expect(float16ToNumber(0x7bff)).toBe(FLOAT16_MAX);
  });

  test.each([1, 2, 3, 4, 5, 7])('%d numbers: none of an earlier call is left in the last four', (length) => {
    convert(Array.from({ length: 16 }, () => 1e9));
    const { halves, stats } = convert(Array.from({ length }, () => 1));
    expect(halves).toEqual(Array.from({ length }, () => 0x3c00));
    expect(stats).toEqual({ overflow: 0, underflow: 0, nonFinite: 0 });
  });
});
