// What bench measures: latency of all models in turn, peak memory of each in a process of its own, where the time goes.
import { makeFeeds } from '../../evaluate/feeds.ts';
import { measureLatency, tokensOf, type Latency, type Shape } from '../../evaluate/latency.ts';
import type { Candidate } from '../../report/schema.ts';
import { peakMemory, type PeakMemory } from '../../runtime/memory.ts';
import { profileOperators, type OperatorTime } from '../../runtime/profile.ts';
import { openSession, type HostTensor, type Session } from '../../runtime/session.ts';
import type { BenchPlan, Lane } from './plan.ts';
import type { Events } from '../events.ts';

export interface BenchMeasureOptions {
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
/** More than --seconds is likely to be asked for; keeps the bootstrap quick. */
const mostRounds = 5000;

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
    const rounds = { budgetMs, minRounds, mostRounds };
    const results = await measureLatency(models, { shapes, vocabularySize, ...rounds, seed, signal, progress });
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
