// Gates: what the flags mean, and when a report passes.
import { describe, expect, it } from 'vitest';
import { judge, parseDrop, parseSize, parseSpeedup } from '../../src/pipeline/gates.ts';

const accuracy = {
  task: 't',
  metric: 'accuracy',
  samples: 100,
  before: 0.8,
  after: 0.79,
  drop: 0.01,
  ci95: [0, 0.02] as [number, number],
  verdict: 'not-checked' as const,
  secondary: {},
};
const output = { path: 'm.onnx', sha256: '0'.repeat(64), bytes: 1000, params: 1 };
const row = (speedup: number) => ({ batch: 1, sequence: 16, threads: 2, beforeMs: 2, afterMs: 1, speedup, rounds: 5 });

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
    expect([parseSpeedup('1.2x'), parseSpeedup('2')]).toEqual([1.2, 2]);
  });

  it.each([
    [() => parseDrop('0.5'), /--max-drop: expected a percentage .* found '0.5'/],
    [() => parseDrop('-1%'), /--max-drop/],
    [() => parseSize('big'), /--max-size: .* found 'big'/],
    [() => parseSpeedup('fast'), /--min-speedup: .* found 'fast'/],
  ])('refuses what is none of them', (parse, message) => {
    expect(parse).toThrow(message);
  });
});

describe('judging', () => {
  it('without a gate is not checked, which is no pass', () => {
    expect(judge({ accuracy, output }, {})).toEqual({ verdict: 'not-checked', failures: [] });
  });

  it('passes at the limit and fails beyond it', () => {
    expect(judge({ accuracy, output }, { maxDrop: parseDrop('1pt') }).verdict).toBe('pass');
    const failed = judge({ accuracy, output }, { maxDrop: parseDrop('0.9pt') });
    expect(failed).toEqual({
      verdict: 'fail',
      failures: ['accuracy: expected a drop of at most 0.90 points (--max-drop 0.9pt), found 1.00 points'],
    });
  });

  it('fails where the metric is not a number', () => {
    expect(judge({ accuracy: { ...accuracy, drop: NaN }, output }, { maxDrop: parseDrop('50pt') }).verdict).toBe(
      'fail',
    );
  });

  it('holds the speed at every shape, and the size', () => {
    const judged = judge({ output, latency: [row(1.5), row(1.1)] }, { minSpeedup: 1.2, maxSize: 999 });
    expect(judged.failures).toEqual([
      'latency at 1 x 16: expected at least 1.2x, found 1.10x',
      'size: expected at most 999 bytes, found 1000',
    ]);
  });

  it('never passes what was not measured', () => {
    expect(() => judge({ output }, { maxDrop: parseDrop('1%') })).toThrow('no accuracy was measured');
    expect(() => judge({ output, latency: [] }, { minSpeedup: 1 })).toThrow('no latency was measured');
  });
});
