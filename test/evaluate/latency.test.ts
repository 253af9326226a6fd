import { afterEach, describe, expect, it } from 'vitest';
import { latency, planShapes } from '../../src/evaluate/latency.ts';
import { openTiny, releaseAll } from './support.ts';

afterEach(releaseAll);
const quick = { budgetMs: 5, minRounds: 3, vocabularySize: 160 };

describe('latency', () => {
  it('measures two models in turn', async () => {
    const shapes = [
      { batch: 1, sequence: 4 },
      { batch: 2, sequence: 8 },
    ];
    const done: number[] = [];
    const result = await latency(await openTiny('classifier'), await openTiny('classifier-noisy'), {
      ...quick,
      shapes,
      progress: (count) => done.push(count),
    });
    expect(result.latency).toHaveLength(2);
    expect(done).toEqual([1, 2]);
    for (const row of result.latency) {
      expect(row.rounds).toBeGreaterThanOrEqual(3);
      expect(row.threads).toBe(1);
      for (const value of [row.beforeMs, row.afterMs, row.speedup]) expect(value).toBeGreaterThan(0);
    }
  });

  it('uses the shape that a model is fixed to', async () => {
    const result = await latency(await openTiny('classifier'), await openTiny('classifier-fixed'), quick);
    expect(result.latency).toMatchObject([{ batch: 3, sequence: 12 }]);
  });

  it('stops when told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const run = latency(await openTiny('classifier'), await openTiny('classifier'), { ...quick, signal });
    await expect(run).rejects.toThrow('enough');
  });
});

describe('planShapes', () => {
  it('skips what is longer than the positions and says so', () => {
    const plan = planShapes(
      [
        { batch: 1, sequence: 16 },
        { batch: 1, sequence: 384 },
      ],
      {},
      128,
    );
    expect(plan).toEqual({
      shapes: [{ batch: 1, sequence: 16 }],
      skipped: [{ batch: 1, sequence: 384, reason: "longer than the model's 128 positions" }],
    });
  });
});
