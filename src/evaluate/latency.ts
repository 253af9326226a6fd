// Latency of two models measured in turn on random tokens, so that a machine's drift meets both alike.
import { median } from '../math/statistics.ts';
import { createRandom, type Random } from '../math/random.ts';
import type { HostTensor, Session } from '../runtime/session.ts';
import { makeFeeds, type TokenArrays } from './feeds.ts';
import { checkRoles, commonShape, fixedShape, rolesByName, type FixedShape, type InputRoles } from './roles.ts';

export interface Shape {
  readonly batch: number;
  readonly sequence: number;
}

/** One row of a report's latency table. */
export interface Latency extends Shape {
  readonly threads: number;
  /** Medians over the rounds, in milliseconds. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Median of before / after over the rounds; above 1 the second model is faster. */
  readonly speedup: number;
  readonly rounds: number;
}

export interface LatencyResult {
  readonly latency: readonly Latency[];
  /** Shapes that were asked for and not measured. */
  readonly skipped: readonly { readonly batch: number; readonly sequence: number; readonly reason: string }[];
}

export interface LatencyOptions {
  /** Default 1x16, 1x128, 8x128 and 1x384. */
  readonly shapes?: readonly Shape[] | undefined;
  readonly roles?: InputRoles | undefined;
  /** Inputs of the second model by meaning; default `roles`, and without those by their names. */
  readonly rolesAfter?: InputRoles | undefined;
  /** Token ids are drawn below it; default 1,000. */
  readonly vocabularySize?: number | undefined;
  /** Longest sequence that the models' position tables allow. */
  readonly maxPositions?: number | undefined;
  /** Time for a shape in milliseconds, warm-up included; default 2,000. At least `minRounds` are run however long they take. */
  readonly budgetMs?: number | undefined;
  /** Default 5. */
  readonly minRounds?: number | undefined;
  readonly seed?: number | undefined;
  /** Called after each shape. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Looked at before every round; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export const defaultShapes: readonly Shape[] = [
  { batch: 1, sequence: 16 },
  { batch: 1, sequence: 128 },
  { batch: 8, sequence: 128 },
  { batch: 1, sequence: 384 },
];

const defaults = { vocabularySize: 1000, budgetMs: 2000, minRounds: 5 };
const warmUps = 2;
const mostRounds = 500;

/**
 * Measures two models at each shape.
 * @throws ModelError where an input cannot be fed, a run fails, or the two models are fixed to different shapes
 */
export async function latency(before: Session, after: Session, options: LatencyOptions = {}): Promise<LatencyResult> {
  const roles = options.roles ?? rolesByName(before.inputs);
  const rolesAfter = options.rolesAfter ?? options.roles ?? rolesByName(after.inputs);
  checkRoles(before.inputs, roles);
  checkRoles(after.inputs, rolesAfter);
  const fixed = commonShape(fixedShape(before.inputs, roles), fixedShape(after.inputs, rolesAfter));
  const { shapes, skipped } = planShapes(options.shapes ?? defaultShapes, fixed, options.maxPositions);
  const random = createRandom(options.seed ?? 0);
  const rows: Latency[] = [];
  for (const shape of shapes) {
    const tokens = randomTokens(shape, options.vocabularySize ?? defaults.vocabularySize, random);
    const a = runOf(before, makeFeeds(before.inputs, roles, tokens));
    const b = runOf(after, makeFeeds(after.inputs, rolesAfter, tokens));
    rows.push(summarize(shape, before.threads, await measureInTurn(a, b, options)));
    options.progress?.(rows.length, shapes.length);
  }
  return { latency: rows, skipped };
}

/** Shapes as the models can run them, each once: fixed dimensions replace those asked for, too long ones are skipped. */
export function planShapes(
  asked: readonly Shape[],
  fixed: FixedShape,
  maxPositions: number | undefined,
): { shapes: Shape[]; skipped: LatencyResult['skipped'] } {
  const shapes: Shape[] = [];
  const skipped: { batch: number; sequence: number; reason: string }[] = [];
  for (const shape of asked) {
    const { batch, sequence } = { ...shape, ...fixed };
    const tooLong = maxPositions !== undefined && sequence > maxPositions;
    if (tooLong) skipped.push({ batch, sequence, reason: `longer than the model's ${maxPositions} positions` });
    else if (!shapes.some((one) => one.batch === batch && one.sequence === sequence)) shapes.push({ batch, sequence });
  }
  return { shapes, skipped };
}

/** Random ids of the vocabulary, every token attended to. */
function randomTokens({ batch, sequence }: Shape, vocabularySize: number, random: Random): TokenArrays {
  const count = batch * sequence;
  return {
    size: batch,
    sequence,
    ids: Int32Array.from({ length: count }, () => random.below(vocabularySize)),
    mask: new Uint8Array(count).fill(1),
    segments: new Uint8Array(count),
  };
}

/**
 * A function that runs the model twice and gives the milliseconds of the second run. The first outlasts the spinning of the
 * other model's worker threads, which would take a core from this one, and warms the caches.
 */
function runOf(session: Session, feeds: Record<string, HostTensor>): () => Promise<number> {
  return async () => {
    await session.run(feeds);
    const started = performance.now();
    await session.run(feeds);
    return performance.now() - started;
  };
}

interface Times {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Rounds of both in the order A B, B A, A B …, so that each follows the other as often as itself. */
async function measureInTurn(
  a: () => Promise<number>,
  b: () => Promise<number>,
  { budgetMs = defaults.budgetMs, minRounds = defaults.minRounds, signal }: LatencyOptions,
): Promise<Times> {
  const end = performance.now() + budgetMs;
  for (let i = 0; i < warmUps; i++) {
    await a();
    await b();
  }
  const before: number[] = [];
  const after: number[] = [];
  while (before.length < minRounds || (performance.now() < end && before.length < mostRounds)) {
    signal?.throwIfAborted();
    if (before.length % 2 === 0) {
      before.push(await a());
      after.push(await b());
    } else {
      after.push(await b());
      before.push(await a());
    }
  }
  return { before, after };
}

function summarize(shape: Shape, threads: number, { before, after }: Times): Latency {
  return {
    ...shape,
    threads,
    beforeMs: median(before),
    afterMs: median(after),
    speedup: median(before.map((ms, i) => ms / after[i]!)),
    rounds: before.length,
  };
}
