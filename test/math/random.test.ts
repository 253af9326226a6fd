import { describe, expect, it } from 'vitest';
import { createRandom, xoshiro128ss } from '../../src/math/random.ts';

describe('xoshiro128**', () => {
  it('gives the numbers of its authors’ C code', () => {
    const next = xoshiro128ss([1, 2, 3, 4]);
    expect(Array.from({ length: 10 }, next)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });
});

describe('createRandom', () => {
  it('repeats itself for a seed and differs for another', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, createRandom(seed).bits);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toEqual(draw(1 + 2 ** 32));
  });

  it('draws integers and fractions evenly', () => {
    const random = createRandom(3);
    const counts = Array.from({ length: 7 }, () => 0);
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400); // 4 standard deviations
    let sum = 0;
    for (let i = 0; i < 10_000; i++) sum += random.uniform();
    expect(sum / 10_000).toBeCloseTo(0.5, 1);
  });

  it('draws normal numbers', () => {
    const random = createRandom(4);
    const values = Array.from({ length: 20_000 }, random.normal);
    const mean = values.reduce((a, b) => a + b) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(values.reduce((a, b) => a + b * b) / values.length).toBeCloseTo(1, 1);
  });

  it('shuffles in place without losing anything', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = createRandom(5).shuffle([...items]);
    expect(shuffled).not.toEqual(items);
    expect(shuffled.toSorted((a, b) => a - b)).toEqual(items);
  });

  it('refuses an empty range', () => {
    expect(() => createRandom(0).below(0)).toThrow('random.below: expected an integer in [1, 2^32), found 0');
  });
});
