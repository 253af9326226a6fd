// Gates: what the flags mean.
import { describe, expect, it } from 'vitest';
import { parseDrop, parseSize, parseFactor } from '../../src/pipeline/gates.ts';

describe('parsing', () => {
  it('takes a percentage as relative and points as absolute', () => {
    expect(parseDrop('1%').allowed(0.5)).toBeCloseTo(0.005);
    expect(parseDrop('0.5pt').allowed(0.5)).toBeCloseTo(0.005);
    expect(parseDrop('1 %').allowed(-0.5)).toBeCloseTo(0.005);
  });

  it('takes sizes in decimal and binary units', () => {
    expect([parseSize('30MB'), parseSize('1MiB'), parseSize('12'), parseSize('1.5kB'), parseSize('2 GB')]).toEqual([
      30e6, 1048576, 12, 1500, 2e9,
    ]);
  });

  it('takes a factor with or without x', () => {
    expect([parseFactor('1.2x', '--min-speedup'), parseFactor('2', '--min-speedup')]).toEqual([1.2, 2]);
  });

  it.each([
    [() => parseDrop('0.5'), /--max-drop: expected a percentage .* found '0.5'/],
    [() => parseDrop('-1%'), /--max-drop/],
    [() => parseSize('big'), /--max-size: .* found 'big'/],
    [() => parseFactor('fast', '--min-speedup'), /--min-speedup: .* found 'fast'/],
  ])('refuses what is none of them', (parse, message) => {
    expect(parse).toThrow(message);
  });
});
