import { describe, expect, it } from 'vitest';
import { checksOf } from '../../src/pipeline/checks.ts';
import { gatesOf, judge } from '../../src/pipeline/gates.ts';
import type { Candidate } from '../../src/report/schema.ts';

const row = (sequence: number, speedup: number) => ({
  batch: 1,
  sequence,
  threads: 1,
  beforeMs: 1,
  afterMs: 1 / speedup,
  speedup,
  rounds: 10,
});
const candidate: Pick<Candidate, 'accuracy' | 'latency' | 'output'> = {
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

  it.each([
    [{ maxDrop: '0.5pt' }],
    [{ maxDrop: '2%', minSpeedup: '1.1x' }],
    [{ minSpeedup: '1.2x', maxSize: '99B' }],
    [{ maxSize: '1kB' }],
    [{}],
  ])('fails as often as the judgement has failures: %o', (texts) => {
    const gates = gatesOf(texts);
    const failed = checksOf(candidate, gates).filter(({ verdict }) => verdict === 'fail');
    expect(failed).toHaveLength(judge(candidate, gates).failures.length);
  });
});
