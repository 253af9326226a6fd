import { afterEach, describe, expect, it } from 'vitest';
import {
  geometricMeanSpeedup,
  measureLatency,
  planShapes,
  summarize,
  tokensOf,
  type LatencyOptions,
  type LatencyResult,
} from '../../src/evaluate/latency.ts';
import { openTiny, releaseAll } from './support.ts';

afterEach(releaseAll);
const quick = { budgetMs: 5, minRounds: 3, vocabularySize: 160 };

/** The second of two tiny models against the first. */
async function two(before: string, after: string, options: LatencyOptions): Promise<LatencyResult> {
  const models = [{ session: await openTiny(before) }, { session: await openTiny(after) }];
  return (await measureLatency(models, options))[0]!;
}

describe('measureLatency', () => {
  it('measures two models in turn', async () => {
    const shapes = [
      { batch: 1, sequence: 4 },
      { batch: 2, sequence: 8 },
    ];
    const done: number[] = [];
    const result = await two('classifier', 'classifier-noisy', {
      ...quick,
      shapes,
      progress: (count) => done.push(count),
    });
    expect(result.latency).toHaveLength(2);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.filter(Number.isInteger)).toEqual(expect.arrayContaining([1, 2]));
    expect(done.at(-1)).toBe(2);
    for (const row of result.latency) {
      expect(row.rounds).toBeGreaterThanOrEqual(3);
      expect(row.threads).toBe(1);
      for (const [value, [low, high]] of [
        [row.beforeMs, row.beforeCi95Ms],
        [row.afterMs, row.afterCi95Ms],
        [row.speedup, row.speedupCi95],
      ] as const) {
        expect(low).toBeGreaterThan(0);
        expect(value).toBeGreaterThanOrEqual(low);
        expect(value).toBeLessThanOrEqual(high);
      }
      expect(row.beforePerSecond).toBeCloseTo((1000 * row.batch) / row.beforeMs, 9);
      expect(row.afterPerSecond).toBeCloseTo((1000 * row.batch) / row.afterMs, 9);
    }
  });

  it('measures several against the first, whose times they share', async () => {
    const sessions = [await openTiny('classifier'), await openTiny('classifier-noisy'), await openTiny('classifier')];
    const shapes = [{ batch: 1, sequence: 4 }];
    const results = await measureLatency(
      sessions.map((session) => ({ session })),
      { ...quick, shapes },
    );
    expect(results).toHaveLength(2);
    const [one, two] = results.map((result) => result.latency[0]!);
    expect(one!.beforeMs).toBe(two!.beforeMs);
    expect(one!.beforeCi95Ms).toEqual(two!.beforeCi95Ms);
  });

  it('uses the shape that a model is fixed to', async () => {
    const result = await two('classifier', 'classifier-fixed', quick);
    expect(result.latency).toMatchObject([{ batch: 3, sequence: 12 }]);
  });

  it('stops when told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const run = two('classifier', 'classifier', { ...quick, signal });
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

describe('summarize', () => {
  const at = { batch: 4, sequence: 16, threads: 2 };

  it('pairs by round: what slows both at once is no difference', () => {
    // the machine is three times slower in every other round; the second model takes half the time in each
    const before = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 10 : 30));
    const row = summarize(
      at,
      before,
      before.map((ms) => ms / 2),
      0,
    );
    expect(row).toMatchObject({ beforeMs: 20, afterMs: 10, speedup: 2, speedupCi95: [2, 2], rounds: 20 });
    expect(row.beforeCi95Ms).toEqual([10, 30]);
    expect([row.beforePerSecond, row.afterPerSecond]).toEqual([200, 400]);
  });

  it('gives the same row for the same times and seed', () => {
    const before = Array.from({ length: 31 }, (_, i) => 10 + ((i * 7) % 11) / 3);
    const after = Array.from({ length: 31 }, (_, i) => 8 + ((i * 5) % 13) / 4);
    expect(summarize(at, before, after, 7)).toEqual(summarize(at, before, after, 7));
  });
});

describe('tokensOf', () => {
  it('draws ids of the vocabulary, the same for the same seed', () => {
    const tokens = tokensOf({ batch: 3, sequence: 50 }, 20, 1);
    expect(tokens.ids).toHaveLength(150);
    expect(Math.max(...tokens.ids)).toBeLessThan(20);
    expect(tokensOf({ batch: 3, sequence: 50 }, 20, 1)).toEqual(tokens);
    expect(tokensOf({ batch: 3, sequence: 50 }, 20, 2)).not.toEqual(tokens);
  });
});

describe('geometricMeanSpeedup', () => {
  it('is one where gain and loss are even', () => {
    expect(geometricMeanSpeedup([{ speedup: 4 }, { speedup: 0.25 }])).toBeCloseTo(1, 12);
  });
});
