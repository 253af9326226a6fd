// `train` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import type { MakingOptions } from './making-options.ts';
import { measuringOf, type JudgingOptions } from './measuring-options.ts';
import { fitTasks, type FitTask } from './objectives/fit-task.ts';
import type { Events } from './pipeline/events.ts';
import type { FitSource } from './pipeline/fit/read.ts';
import { fit } from './pipeline/fit/fit.ts';
import type { CompressionReport } from './report/schema.ts';
import { checkShare, trainingOf, type LearningOptions } from './training-options.ts';

/** A head of a model that is trained for several tasks. */
export interface TrainTask {
  /** Letters, digits, `-` and `_`; the output is called `logits_NAME`. */
  readonly name: string;
  readonly data: string;
  /** Rows to judge by; default a share of `data`. */
  readonly dev?: string | undefined;
  /** Default guessed from the data. */
  readonly task?: string | undefined;
  /** Of its loss among the others'; default 1. */
  readonly weight?: number | undefined;
}

/** Options of `train`; each is the flag of the same name. */
export interface TrainModelOptions
  extends
    LearningOptions,
    MakingOptions,
    Pick<JudgingOptions, 'maxDrop' | 'minMetric' | 'seed' | 'threads' | 'ep' | 'signal'> {
  /** Rows to train on; in place of `tasks`. */
  readonly data?: string | undefined;
  /** Default guessed from the data and the model. */
  readonly task?: string | undefined;
  /** In place of `data`, `dev` and `task`: files with a head each, on one encoder. */
  readonly tasks?: readonly TrainTask[] | undefined;
  /** Of drawing batches from several tasks: 1, the default, in proportion to size; above, nearer to as many of each. */
  readonly taskTemperature?: number | undefined;
  /** Default: the model's own where it fits the labels. */
  readonly head?: 'keep' | 'fresh' | undefined;
  /** Names of a fresh head's labels in the order of their ids; default those of the data. */
  readonly labels?: readonly string[] | undefined;
  readonly pooling?: 'pooler' | 'mean' | 'cls' | undefined;
  /** Weights that stay as they are, by name or path, with *. */
  readonly freeze?: readonly string[] | undefined;
  readonly trainEmbeddings?: boolean | undefined;
  /** Rows a step; default 32. */
  readonly batch?: number | undefined;
  readonly labelSmoothing?: number | undefined;
  readonly classWeights?: 'balanced' | undefined;
  /** Steps between checkpoints; default 200. */
  readonly checkpointEvery?: number | undefined;
  readonly resume?: boolean | undefined;
}

/**
 * Fine-tune a model on labelled rows, or on text alone where it fills masks. An aborted signal ends the training and keeps
 * what was best so far; `report.training.stopped` says so.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export async function train(model: string, options: TrainModelOptions, events?: Events): Promise<CompressionReport> {
  checkShare('label-smoothing', options.labelSmoothing);
  const { data: _data, dev: _dev, task: _task, tasks: _tasks, ...others } = options;
  const { checkpointEvery, batch, ...rest } = others;
  return fit(
    {
      ...measuringOf({ ...rest, bench: false }),
      model,
      sources: sourcesOf(options),
      batch: batch ?? 32,
      training: trainingOf({ ...options, rate: options.rate ?? 5e-5 }),
      checkpointEvery: checkpointEvery ?? 200,
    },
    events,
  );
}

/** Throws UsageError. */
function sourcesOf({ data, dev, task, tasks, taskTemperature }: TrainModelOptions): FitSource[] {
  if (taskTemperature !== undefined && !(taskTemperature > 0))
    throw new UsageError(`--task-temperature: expected a number above 0, found ${taskTemperature}`);
  if (tasks === undefined || tasks.length === 0) {
    if (data === undefined)
      throw new UsageError('expected --data FILE, or --task NAME=FILE for each of several tasks, found neither');
    return [{ data, dev, task: task === undefined ? undefined : taskOf(task) }];
  }
  if (data !== undefined || dev !== undefined || task !== undefined)
    throw new UsageError(
      '--task NAME=FILE: expected rows by task alone, found --data, or --dev or --task without a name',
    );
  return tasks.map((one, i) => {
    const { name, weight } = one;
    if (!/^[\w-]+$/.test(name))
      throw new UsageError(`--task: expected a name of letters, digits, - and _, found '${name}'`);
    if (tasks.findIndex((other) => other.name === name) < i)
      throw new UsageError(`--task ${name}: expected each name once, found it again`);
    if (weight !== undefined && !(weight > 0))
      throw new UsageError(`--task-weight ${name}: expected a number above 0, found ${weight}`);
    return { ...one, task: one.task === undefined ? undefined : taskOf(one.task) };
  });
}

function taskOf(name: string): FitTask {
  const found = fitTasks.find((task) => task === name);
  if (!found) throw new UsageError(`--task: expected one of ${fitTasks.join(', ')}, found '${name}'`);
  return found;
}
