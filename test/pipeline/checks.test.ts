// Holding figures against the gates: what is checked, when it passes, and that nothing unmeasured ever does.
import { describe, expect, it } from 'vitest';
import { checksOf, judge, type Figures } from '../../src/pipeline/checks.ts';
import { gatesOf, parseDrop, type Gates } from '../../src/pipeline/gates.ts';

const row = (sequence: number, speedup: number) => ({
  batch: 1,
  sequence,
  threads: 1,
  beforeMs: 1,
  afterMs: 1 / speedup,
  speedup,
  rounds: 10,
});
const judged = (figures: Figures, gates: Gates) => judge(checksOf(figures, gates));

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
const timed = (speedup: number) => ({
  batch: 1,
  sequence: 16,
  threads: 2,
  beforeMs: 2,
  afterMs: 1,
  speedup,
  rounds: 5,
});

const candidate: Figures = {
  output: { path: 'm.onnx', sha256: '0'.repeat(64), bytes: 100, params: 1 },
  latency: [row(16, 2), row(128, 1.1)],
  accuracy: {
    task: 'text-classification',
    metric: 'accuracy',
    samples: 100,
    before: 0.9,
    after: 0.89,
    drop: 0.9 - 0.89,
    ci95: [0, 0.02],
    verdict: 'not-checked',
    secondary: {},
  },
};

describe('checksOf', () => {
  it('lists what held and what did not, shape by shape', () => {
    const checks = checksOf(candidate, gatesOf({ maxDrop: '1pt', minSpeedup: '1.2x', maxSize: '100B' }));
    expect(checks.map(({ gate, at, found, verdict }) => [gate, at, found, verdict])).toEqual([
      ['max-drop', 'accuracy', '1.00 points', 'pass'],
      ['min-speedup', '1 x 16', '2.00x', 'pass'],
      ['min-speedup', '1 x 128', '1.10x', 'fail'],
      ['max-size', undefined, '100 bytes', 'pass'],
    ]);
  });
});

describe('judging', () => {
  it('without a gate is not checked, which is no pass', () => {
    expect(judged({ accuracy, output }, {})).toEqual({ verdict: 'not-checked', failures: [] });
  });

  it('passes at the limit and fails beyond it', () => {
    expect(judged({ accuracy, output }, { maxDrop: parseDrop('1pt') }).verdict).toBe('pass');
    const failed = judged({ accuracy, output }, { maxDrop: parseDrop('0.9pt') });
    expect(failed).toEqual({
      verdict: 'fail',
      failures: ['accuracy: expected a drop of at most 0.90 points (--max-drop 0.9pt), found 1.00 points'],
    });
  });

  it('fails where the metric is not a number', () => {
    expect(judged({ accuracy: { ...accuracy, drop: NaN }, output }, { maxDrop: parseDrop('50pt') }).verdict).toBe(
      'fail',
    );
  });

  it('holds the speed at every shape, and the size', () => {
    const found = judged({ output, latency: [timed(1.5), timed(1.1)] }, { minSpeedup: 1.2, maxSize: 999 });
    expect(found.failures).toEqual([
      'latency at 1 x 16: expected at least 1.2x, found 1.10x',
      'size: expected at most 999 bytes, found 1000 bytes',
    ]);
  });

  it('never passes what was not measured', () => {
    expect(() => judged({ output }, { maxDrop: parseDrop('1%') })).toThrow('no accuracy was measured');
    expect(() => judged({ output, latency: [] }, { minSpeedup: 1 })).toThrow('no latency was measured');
  });
});
