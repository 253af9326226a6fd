// Latency of models measured in turn on random tokens: medians, their intervals, and speedups paired by round.
import { createRandom } from '../math/random.ts';
import { geometricMean, medianInterval } from '../math/statistics-latency.ts';
import { median } from '../math/statistics.ts';
import type { HostTensor, Session } from '../runtime/session.ts';
import { makeFeeds, type TokenArrays } from './feeds.ts';
import { timeInTurn, type TimedRun } from './latency-rounds.ts';
import { checkRoles, commonShape, fixedShape, rolesByName, type FixedShape, type InputRoles } from './roles.ts';

export interface Shape {
  readonly batch: number;
  readonly sequence: number;
}

/** One row of a report's latency table: a model against the first one. Milliseconds are of one run of the batch. */
export interface Latency extends Shape {
  readonly threads: number;
  /** Medians over the rounds, in milliseconds. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Median of before / after over the rounds; above 1 the second model is faster. */
  readonly speedup: number;
  readonly rounds: number;
  /** 95 % bootstrap intervals of the three medians; the speedup's is of ratios within a round. */
  readonly beforeCi95Ms: [low: number, high: number];
  readonly afterCi95Ms: [low: number, high: number];
  readonly speedupCi95: [low: number, high: number];
  /** Texts a second at the median. */
  readonly beforePerSecond: number;
  readonly afterPerSecond: number;
}

export interface SkippedShape extends Shape {
  readonly reason: string;
}

export interface LatencyResult {
  readonly latency: readonly Latency[];
  /** Shapes that were asked for and not measured. */
  readonly skipped: readonly SkippedShape[];
}

/** A model and its inputs by meaning; default by their names. */
export interface TimedModel {
  readonly session: Session;
  readonly roles?: InputRoles | undefined;
}

export interface LatencyOptions {
  /** Default 1x16, 1x128, 8x128 and 1x384. */
  readonly shapes?: readonly Shape[] | undefined;
  /** Token ids are drawn below it; default 1,000. */
  readonly vocabularySize?: number | undefined;
  /** Longest sequence that the models' position tables allow. */
  readonly maxPositions?: number | undefined;
  /** Time for a shape in milliseconds, warm-up included; default 2,000. At least `minRounds` are run however long they take. */
  readonly budgetMs?: number | undefined;
  /** Default 5. */
  readonly minRounds?: number | undefined;
  /** No more than these, however short; default 500. */
  readonly mostRounds?: number | undefined;
  /** Of the token ids and of the bootstrap; default 0. */
  readonly seed?: number | undefined;
  /** Called after each round with the shapes that are done, a fraction for the one at work, and all. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Looked at before every turn; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export const defaultShapes: readonly Shape[] = [
  { batch: 1, sequence: 16 },
  { batch: 1, sequence: 128 },
  { batch: 8, sequence: 128 },
  { batch: 1, sequence: 384 },
];

const defaults = { vocabularySize: 1000, budgetMs: 2000, minRounds: 5 };

/**
 * Measures several models at each shape, all in turn; one result for each model but the first, held against the first.
 * @throws ModelError where an input cannot be fed, a run fails, or two models are fixed to different shapes
 */
export async function measureLatency(
  models: readonly TimedModel[],
  options: LatencyOptions = {},
): Promise<LatencyResult[]> {
  const lanes = models.map(({ session, roles }) => ({ session, roles: roles ?? rolesByName(session.inputs) }));
  for (const { session, roles } of lanes) checkRoles(session.inputs, roles);
  const fixed = lanes.map(({ session, roles }) => fixedShape(session.inputs, roles)).reduce(commonShape);
  const { shapes, skipped } = planShapes(options.shapes ?? defaultShapes, fixed, options.maxPositions);
  const { vocabularySize, seed = 0, signal, mostRounds } = options;
  const { budgetMs = defaults.budgetMs, minRounds = defaults.minRounds } = options;
  const rows = lanes.slice(1).map((): Latency[] => []);
  for (const [done, shape] of shapes.entries()) {
    const tokens = tokensOf(shape, vocabularySize, seed);
    const runs = lanes.map(({ session, roles }) => runOf(session, makeFeeds(session.inputs, roles, tokens)));
    const [before, ...others] = await timeInTurn(runs, {
      budgetMs,
      minRounds,
      mostRounds,
      signal,
      progress: (part) => options.progress?.(done + part, shapes.length),
    });
    const { threads } = lanes[0]!.session;
    others.forEach((after, i) => rows[i]!.push(summarize({ ...shape, threads }, before!, after, seed)));
    options.progress?.(done + 1, shapes.length);
  }
  return rows.map((latency) => ({ latency, skipped }));
}

/** Shapes as the models can run them, each once: fixed dimensions replace those asked for, too long ones are skipped. */
export function planShapes(
  asked: readonly Shape[],
  fixed: FixedShape,
  maxPositions: number | undefined,
): { shapes: Shape[]; skipped: SkippedShape[] } {
  const shapes: Shape[] = [];
  const skipped: SkippedShape[] = [];
  for (const shape of asked) {
    const { batch, sequence } = { ...shape, ...fixed };
    const tooLong = maxPositions !== undefined && sequence > maxPositions;
    if (tooLong) skipped.push({ batch, sequence, reason: `longer than the model's ${maxPositions} positions` });
    else if (!shapes.some((one) => one.batch === batch && one.sequence === sequence)) shapes.push({ batch, sequence });
  }
  return { shapes, skipped };
}

/** Random ids below `vocabularySize` (default 1,000), every token attended to; the same for the same shape and seed. */
export function tokensOf(
  { batch, sequence }: Shape,
  vocabularySize: number = defaults.vocabularySize,
  seed: number = 0,
): TokenArrays {
  const random = createRandom(seed);
  const count = batch * sequence;
  return {
    size: batch,
    sequence,
    ids: Int32Array.from({ length: count }, () => random.below(vocabularySize)),
    mask: new Uint8Array(count).fill(1),
    segments: new Uint8Array(count),
  };
}

function runOf(session: Session, feeds: Record<string, HostTensor>): TimedRun {
  return async () => {
    const started = performance.now();
    await session.run(feeds);
    return performance.now() - started;
  };
}

/** A row of the table from the milliseconds of two models, round by round. Same times and seed, same row. */
export function summarize(
  at: Shape & Pick<Latency, 'threads'>,
  before: readonly number[],
  after: readonly number[],
  seed: number,
): Latency {
  const ratios = before.map((ms, i) => ms / after[i]!);
  const [beforeMs, afterMs] = [median(before), median(after)];
  return {
    ...at,
    beforeMs,
    afterMs,
    speedup: median(ratios),
    rounds: before.length,
    beforeCi95Ms: medianInterval(before, { seed }),
    afterCi95Ms: medianInterval(after, { seed }),
    speedupCi95: medianInterval(ratios, { seed }),
    beforePerSecond: (1000 * at.batch) / beforeMs,
    afterPerSecond: (1000 * at.batch) / afterMs,
  };
}

/** Speedup over all shapes: the geometric mean, in which twice as fast here and half as fast there is 1. */
export function geometricMeanSpeedup(rows: readonly Pick<Latency, 'speedup'>[]): number {
  return geometricMean(rows.map((row) => row.speedup));
}
