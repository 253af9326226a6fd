// What the trainer gets from the pipeline: sessions on files in a scratch folder, the metric on dev rows, progress.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../../data/dataset.ts';
import { evaluate } from '../../evaluate/evaluate.ts';
import type { Pooling } from '../../evaluate/pooling.ts';
import type { InputRoles } from '../../evaluate/roles.ts';
import type { TaskRun } from '../../evaluate/task.ts';
import type { Padding } from '../../evaluate/window.ts';
import type { Model } from '../../ir/graph.ts';
import { writeModel } from '../../onnx/write.ts';
import { fp16 } from '../../passes/quantize/fp16.ts';
import { openSession, type Session, type SessionOptions } from '../../runtime/session.ts';
import { TrainingHelpers } from '../../runtime/training-helpers.ts';
import type { Scores, StepReport, TrainContext, TrainSession } from '../../train/types.ts';
import type { Events } from '../events.ts';
import { removeStale, temporaryPrefix } from '../stale.ts';

export interface RunOptions {
  readonly threads?: number | undefined;
  readonly ep?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is measured on the way. */
export interface DevSet {
  /** Of the head, where a model has several. */
  readonly name?: string | undefined;
  /** Its output then. */
  readonly output?: string | undefined;
  readonly task: string;
  readonly dataset: Dataset;
  readonly run: TaskRun;
  readonly roles: InputRoles;
  readonly padding: Padding;
  /** Names of the labels that `run` counts in. */
  readonly labels: readonly string[];
  readonly pooling: Pooling;
  readonly batch?: number | undefined;
}

/** A folder for models that are opened while training; `dispose` removes it, and a later run what a kill left. */
export class Scratch {
  readonly #folder: string;
  readonly #onExit = (): void => this.dispose();
  #count = 0;

  constructor() {
    removeStale(tmpdir());
    this.#folder = mkdtempSync(join(tmpdir(), temporaryPrefix()));
    process.once('exit', this.#onExit);
  }

  /** A new folder in it. */
  folder(): string {
    const path = join(this.#folder, String(this.#count++));
    mkdirSync(path);
    return path;
  }

  /** Writes a model; its path. */
  write(model: Model): string {
    const path = join(this.#folder, `${this.#count++}.onnx`);
    writeModel(model, path);
    return path;
  }

  /** Where another file may stand. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** As `write`, for a model that is used once: its file goes with the session. */
  async with<T>(model: Model, name: string, options: RunOptions, use: (session: Session) => Promise<T>): Promise<T> {
    const path = this.write(model);
    const session = await openSession(path, sessionOptions(name, options));
    try {
      return await use(session);
    } finally {
      await session.release();
      for (const file of [path, `${path}_data`]) rmSync(file, { force: true });
    }
  }

  dispose(): void {
    process.removeListener('exit', this.#onExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What sessions of training are opened with. */
export function sessionOptions(name: string, { threads, ep }: RunOptions): SessionOptions {
  return { ...(threads === undefined ? {} : { threads }), ...(ep === undefined ? {} : { providers: ep }), name };
}

/** Steps that the loss shown is a mean over, about. */
const SMOOTH = 20;

/** The trainer's context. @param dev what models are judged by on the way, if anything */
export function trainContext(
  scratch: Scratch,
  dev: DevSet | undefined,
  options: RunOptions,
  events: Events,
): TrainContext {
  const bar = events.bar('training');
  let shown: number | undefined;
  return {
    open: (model, helpers) => openTraining(scratch.write(model), helpers, options),
    half: (model, keep) => inHalf(model, keep, events),
    now: () => performance.now(),
    ...(dev && {
      evaluate: (model: Model) =>
        scratch.with(model, 'the trained model', options, (session) => scoreOf(session, dev, options, events)),
    }),
    progress(step) {
      shown = shown === undefined ? step.loss : shown + (step.loss - shown) / SMOOTH;
      bar(step.step, Math.max(step.steps, step.step), noteOf(step, shown));
    },
    log: events.log,
    signal: options.signal,
  };
}

async function scoreOf(session: Session, dev: DevSet, { signal }: RunOptions, events: Events): Promise<number> {
  const { name, task, dataset, run, roles, padding, batch, output } = dev;
  const { models } = await evaluate(task, dataset, [{ session, run, roles, padding, output }], { batch, signal });
  const value = models[0]?.value ?? Number.NaN;
  const of = name === undefined ? '' : `${name}: `;
  events.log(`${of}${run.metric ?? 'metric'} on ${dataset.size} rows: ${(100 * value).toFixed(2)} %`);
  return value;
}

/** The trainer's context for a model with several heads, of which the mean of their metrics is to be highest. */
export function jointContext(
  scratch: Scratch,
  devs: readonly (DevSet & { readonly name: string })[],
  options: RunOptions,
  events: Events,
): TrainContext {
  const context = trainContext(scratch, undefined, options, events);
  if (devs.length === 0) return context;
  const scoreAll = async (session: Session): Promise<Scores> => {
    const tasks: Record<string, number> = {};
    for (const dev of devs) tasks[dev.name] = await scoreOf(session, dev, options, events);
    return { metric: Object.values(tasks).reduce((sum, value) => sum + value, 0) / devs.length, tasks };
  };
  return { ...context, evaluate: (model) => scratch.with(model, 'the trained model', options, scoreAll) };
}

/** The training graph, and processes beside this one that run it too; the threads are shared among all. */
async function openTraining(path: string, count: number, options: RunOptions): Promise<TrainSession> {
  const threads = Math.max(1, Math.floor((options.threads ?? availableParallelism()) / (count + 1)));
  const settings = { ...sessionOptions('the training graph', options), threads, memoryPattern: false };
  const session = await openSession(path, settings);
  if (count === 0) return session;
  const helpers = await TrainingHelpers.open(path, count, path, settings);
  return {
    run: (feeds, into) => session.run(feeds, into),
    helpers,
    release() {
      helpers.release();
      return session.release();
    },
  };
}

/** The graph as the fp16 pass writes it, with the nodes that are named left float32. */
function inHalf(model: Model, keep: ReadonlySet<string>, { log }: Events): Model {
  const exclude = model.graph.nodes.flatMap(({ name }) => (keep.has(name) ? [name] : []));
  return fp16.run(model, { keepIoTypes: true, exclude }, { log, progress: () => undefined }).model;
}

function noteOf({ rate, epoch }: StepReport, loss: number): string {
  return `epoch ${epoch + 1}, loss ${loss.toFixed(4)}, rate ${rate.toExponential(1)}`;
}
