// `train` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import { fitTasks, type FitTask } from './objectives/fit-task.ts';
import type { Events } from './pipeline/events.ts';
import { fit } from './pipeline/fit.ts';
import { gatesOf } from './pipeline/gates.ts';
import type { CompressionReport } from './report/schema.ts';
import type { EvaluateOptions, TrainLength } from './train/types.ts';

/** Options of `train`; each is the flag of the same name. */
export interface TrainModelOptions {
  /** Rows to train on. */
  readonly data: string;
  /** Rows to judge by; default a share of `data`. */
  readonly dev?: string | undefined;
  /** That share; default 0.1, 0 for none. */
  readonly split?: number | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** Default guessed from the data and the model. */
  readonly task?: string | undefined;
  /** Train on this many rows, chosen with the seed. */
  readonly samples?: number | undefined;
  readonly clean?: boolean | undefined;
  readonly htmlEntities?: boolean | undefined;
  readonly deduplicate?: boolean | undefined;
  /** Default: the model's own where it fits the labels. */
  readonly head?: 'keep' | 'fresh' | undefined;
  /** Names of a fresh head's labels in the order of their ids; default those of the data. */
  readonly labels?: readonly string[] | undefined;
  readonly pooling?: 'pooler' | 'mean' | 'cls' | undefined;
  /** Weights that stay as they are, by name or path, with *. */
  readonly freeze?: readonly string[] | undefined;
  readonly trainEmbeddings?: boolean | undefined;
  /** How long: one of these; default 3 epochs. */
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly minutes?: number | undefined;
  /** Rows a step; default 32. */
  readonly batch?: number | undefined;
  /** Highest learning rate; default 5e-5. */
  readonly rate?: number | undefined;
  /** Below 1 a share of the steps, else steps; default 0.06. */
  readonly warmup?: number | undefined;
  readonly decay?: 'linear' | 'cosine' | 'constant' | undefined;
  readonly weightDecay?: number | undefined;
  /** Greatest global norm of the gradient; default 1, 0 for none. */
  readonly clip?: number | undefined;
  readonly clipValue?: number | undefined;
  readonly l1?: number | undefined;
  readonly l2?: number | undefined;
  readonly accumulate?: number | undefined;
  readonly labelSmoothing?: number | undefined;
  readonly classWeights?: 'balanced' | undefined;
  /** Evaluations without a better one after which training ends. */
  readonly patience?: number | undefined;
  /** At most 1: a share of an epoch, else steps; default 1. */
  readonly evaluateEvery?: number | undefined;
  /** Steps between checkpoints; default 200. */
  readonly checkpointEvery?: number | undefined;
  readonly resume?: boolean | undefined;
  readonly maxLength?: number | undefined;
  /** FILE.onnx or a folder; default NAME-trained beside the model's folder. */
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly keep?: boolean | undefined;
  /** Gate: `88%` or `0.88` of the metric on dev. */
  readonly minMetric?: string | undefined;
  /** Gate against the model before, where its own head is trained. */
  readonly maxDrop?: string | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly ep?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fine-tune a model on labelled rows, or on text alone where it fills masks. An aborted signal ends the training and keeps
 * what was best so far; `report.training.stopped` says so.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export function train(model: string, options: TrainModelOptions, events?: Events): Promise<CompressionReport> {
  const { epochs, steps, minutes, rate, warmup, decay, weightDecay, clip, clipValue, l1, l2, accumulate, ...others } =
    options;
  const { task, patience, evaluateEvery, checkpointEvery, minMetric, maxDrop, batch, seed, ep, ...rest } = others;
  return fit(
    {
      ...rest,
      model,
      task: task === undefined ? undefined : taskOf(task),
      batch: batch ?? 32,
      seed: seed ?? 0,
      ep: ep === undefined ? undefined : [ep],
      training: {
        length: lengthOf({ epochs, steps, minutes }),
        rate: rate ?? 5e-5,
        schedule: { shape: decay, warmup },
        decay: weightDecay,
        clipNorm: clip === 0 ? Infinity : clip,
        clipValue,
        l1,
        l2,
        accumulate,
        evaluate: { ...everyOf(evaluateEvery), patience },
      },
      checkpointEvery: checkpointEvery ?? 200,
      gates: gatesOf({ minMetric, maxDrop }),
    },
    events,
  );
}

function taskOf(name: string): FitTask {
  const found = fitTasks.find((task) => task === name);
  if (!found) throw new UsageError(`--task: expected one of ${fitTasks.join(', ')}, found '${name}'`);
  return found;
}

function lengthOf(given: {
  epochs?: number | undefined;
  steps?: number | undefined;
  minutes?: number | undefined;
}): TrainLength {
  const { epochs, steps, minutes } = given;
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  if (named.length > 1)
    throw new UsageError(
      `expected one of --epochs, --steps and --minutes, found ${named.map(([name]) => `--${name}`).join(' and ')}`,
    );
  for (const [name, value] of named)
    if (!(value! > 0)) throw new UsageError(`--${name}: expected a number above 0, found ${value}`);
  if (steps !== undefined) return { steps };
  return minutes === undefined ? { epochs: epochs ?? 3 } : { minutes };
}

function everyOf(every: number | undefined): EvaluateOptions {
  if (every === undefined) return {};
  if (!(every > 0)) throw new UsageError(`--evaluate-every: expected a number above 0, found ${every}`);
  return every <= 1 ? { everyEpochs: every } : { everySteps: Math.round(every) };
}
