// What bench measures: latency of all models in turn, peak memory of each in a process of its own, where the time goes.
import { architectureOf } from '../bert/summary.ts';
import { recognise } from '../bert/recognise.ts';
import { loadConfig } from '../data/config.ts';
import { UsageError } from '../errors.ts';
import { makeFeeds } from '../evaluate/feeds.ts';
import { latencies, planShapes, tokensOf, type Latency, type Shape, type SkippedShape } from '../evaluate/latency.ts';
import {
  checkRoles,
  commonShape,
  fixedShape,
  rolesByName,
  type FixedShape,
  type InputRoles,
} from '../evaluate/roles.ts';
import type { Candidate } from '../report/schema.ts';
import { peakMemory, type PeakMemory } from '../runtime/memory.ts';
import { profileOperators, type OperatorTime } from '../runtime/profile.ts';
import { openSession, type HostTensor, type Session } from '../runtime/session.ts';
import type { Events } from './events.ts';
import type { KnownModel } from './known-model.ts';

export interface BenchMeasureOptions {
  readonly shapes: readonly Shape[];
  /** The user named the shapes: one that cannot be measured is an error, not a note. */
  readonly named: boolean;
  /** Milliseconds a shape. */
  readonly budgetMs: number;
  readonly seed: number;
  readonly threads?: number | undefined;
  readonly ep?: readonly string[] | undefined;
  /** Peak memory of each model. */
  readonly memory: boolean;
  /** Operators' times at the largest shape. */
  readonly profile: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What will be measured, known before anything runs. */
export interface BenchPlan {
  readonly lanes: readonly Lane[];
  /** Shapes that all models can run. */
  readonly shapes: readonly Shape[];
  readonly skipped: readonly SkippedShape[];
  /** Dimensions that the models' inputs are fixed to. */
  readonly fixed: FixedShape;
  /** Token ids are drawn below it. */
  readonly vocabularySize: number | undefined;
}

interface Lane {
  readonly model: KnownModel;
  readonly roles: InputRoles;
}

export interface BenchFigures extends Pick<Candidate, 'memory' | 'profile'> {
  readonly latency: readonly Latency[];
}

export interface BenchMeasured {
  /** Of every model but the first. */
  readonly found: readonly BenchFigures[];
  /** Peak memory of every model, the original first; empty where it was not measured. */
  readonly memory: readonly PeakMemory[];
}

/** Least rounds of a shape: a median of fewer says little. */
const minRounds = 10;

/**
 * Inputs by meaning and shapes of the models.
 * @throws ModelError for inputs that cannot be fed or models fixed to different shapes; UsageError for shapes that cannot be run
 */
export async function planBench(
  models: readonly KnownModel[],
  options: Pick<BenchMeasureOptions, 'shapes' | 'named'>,
): Promise<BenchPlan> {
  const lanes = models.map((model) => {
    const roles = model.roles ?? rolesByName(model.inputs);
    checkRoles(model.inputs, roles);
    return { model, roles };
  });
  const limits = await Promise.all(models.map(limitsOf));
  const fixed = lanes.map(({ model, roles }) => fixedShape(model.inputs, roles)).reduce(commonShape);
  const { shapes, skipped } = planShapes(options.shapes, fixed, least(limits.map((limit) => limit.positions)));
  const [first] = skipped;
  if (first && (options.named || shapes.length === 0))
    throw new UsageError(
      `shape ${first.batch}x${first.sequence}: expected one that every model can run, found one ${first.reason}`,
    );
  const other = options.shapes.find((asked) => !shapes.some((shape) => same(shape, asked)));
  if (options.named && other)
    throw new UsageError(
      `shape ${other.batch}x${other.sequence}: expected ${shapes.map(({ batch, sequence }) => `${batch}x${sequence}`).join(', ')}, which the models' inputs are fixed to`,
    );
  return { lanes, shapes, skipped, fixed, vocabularySize: least(limits.map((limit) => limit.vocabulary)) };
}

function same(a: Shape, b: Shape): boolean {
  return a.batch === b.batch && a.sequence === b.sequence;
}

/** Longest sequence and number of token ids: the lesser of what the tables in the graph and the configuration say. */
async function limitsOf({ model, path }: KnownModel): Promise<{ positions?: number; vocabulary?: number }> {
  const config = await loadConfig(path.folder);
  const tables = architectureOf(recognise(model));
  const positions = least([tables.positions, config?.maxPositions]);
  const vocabulary = least([tables.vocabulary, config?.vocabularySize]);
  return { ...(positions === undefined ? {} : { positions }), ...(vocabulary === undefined ? {} : { vocabulary }) };
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Measure everything that was asked for. Throws ModelError where a model does not load or run. */
export async function measureBench(
  plan: BenchPlan,
  options: BenchMeasureOptions,
  events: Events,
): Promise<BenchMeasured> {
  const timed = await time(plan, options, events);
  const memory = options.memory ? await weigh(plan, options, events) : [];
  const profiles = options.profile ? await profile(plan, options, events) : [];
  const shape = largest(plan.shapes);
  const found = timed.map((latency, i): BenchFigures => {
    const [before, after] = [memory[0], memory[i + 1]];
    return {
      latency,
      ...(before && after
        ? { memory: { beforePeakRssBytes: before.peakRssBytes, afterPeakRssBytes: after.peakRssBytes } }
        : {}),
      ...(profiles.length > 0
        ? { profile: { ...shape, before: [...profiles[0]!], after: [...profiles[i + 1]!] } }
        : {}),
    };
  });
  return { found, memory };
}

async function time(plan: BenchPlan, options: BenchMeasureOptions, events: Events): Promise<(readonly Latency[])[]> {
  const sessions: Session[] = [];
  try {
    for (const { model } of plan.lanes) sessions.push(await openSession(model.path.onnxPath, sessionOptions(options)));
    const models = plan.lanes.map(({ roles }, i) => ({ session: sessions[i]!, roles }));
    const { shapes, vocabularySize } = plan;
    const { budgetMs, seed, signal } = options;
    const progress = events.bar('measuring latency');
    const results = await latencies(models, { shapes, vocabularySize, budgetMs, minRounds, seed, signal, progress });
    return results.map((result) => result.latency);
  } finally {
    for (const session of sessions) await session.release();
  }
}

function sessionOptions({ threads, ep }: BenchMeasureOptions): { threads?: number; providers?: readonly string[] } {
  return { ...(threads === undefined ? {} : { threads }), ...(ep === undefined ? {} : { providers: ep }) };
}

async function weigh(plan: BenchPlan, options: BenchMeasureOptions, events: Events): Promise<PeakMemory[]> {
  const progress = events.bar('measuring memory');
  const found: PeakMemory[] = [];
  for (const lane of plan.lanes) {
    options.signal?.throwIfAborted();
    const batches = plan.shapes.map((shape) => feedsOf(plan, lane, shape, options.seed));
    const { signal } = options;
    found.push(await peakMemory(lane.model.path.onnxPath, batches, { ...sessionOptions(options), signal }));
    progress(found.length, plan.lanes.length);
  }
  return found;
}

async function profile(plan: BenchPlan, options: BenchMeasureOptions, events: Events): Promise<OperatorTime[][]> {
  const progress = events.bar('measuring operators');
  const shape = largest(plan.shapes);
  const found: OperatorTime[][] = [];
  for (const lane of plan.lanes) {
    options.signal?.throwIfAborted();
    const feeds = feedsOf(plan, lane, shape, options.seed);
    const run = (session: Session): Promise<unknown> => session.run(feeds);
    found.push(await profileOperators(lane.model.path.onnxPath, sessionOptions(options), run));
    progress(found.length, plan.lanes.length);
  }
  return found;
}

function feedsOf(plan: BenchPlan, { model, roles }: Lane, shape: Shape, seed: number): Record<string, HostTensor> {
  return makeFeeds(model.inputs, roles, tokensOf(shape, plan.vocabularySize, seed));
}

/** The shape of most tokens, the first of equals. */
function largest(shapes: readonly Shape[]): Shape {
  return shapes.reduce((most, shape) => (shape.batch * shape.sequence > most.batch * most.sequence ? shape : most));
}
