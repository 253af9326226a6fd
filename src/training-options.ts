// What every verb that trains is told about learning, by the names of its flags, and what the trainer is told.
import { UsageError } from './errors.ts';
import type { EvaluateOptions, TrainLength, TrainOptions } from './train/types.ts';

/** Options of learning; each is the flag of the same name. */
export interface LearningOptions {
  /** How long: one of these; default 3 epochs. */
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly minutes?: number | undefined;
  /** Highest learning rate. */
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
  /** Share of values dropped while training; default 0. */
  readonly dropout?: number | undefined;
  /** What a step computes in; default fp32. fp16 keeps float32 weights, and is for providers that compute in it. */
  readonly precision?: 'fp32' | 'fp16' | undefined;
  /** Processes that share a step; default 1. */
  readonly workers?: number | undefined;
  /** Tokens that go through the graph at once; default 1024. */
  readonly pieceTokens?: number | undefined;
  /** Evaluations without a better one after which training ends. */
  readonly patience?: number | undefined;
  /** At most 1: a share of an epoch, else steps; default 1. */
  readonly evaluateEvery?: number | undefined;
}

/** Options that are a share: of targets, of values. Throws UsageError. */
export function checkShare(flag: string, share: number | undefined): void {
  if (share !== undefined && !(share >= 0 && share < 1))
    throw new UsageError(`--${flag}: expected a share from 0 to below 1, found ${share}`);
}

/** As the trainer takes them. Throws UsageError. */
export function trainingOf(options: LearningOptions & { readonly rate: number }): Omit<TrainOptions, 'checkpoint'> {
  const { epochs, steps, minutes, rate, warmup, decay, weightDecay, clip, clipValue, l1, l2 } = options;
  checkShare('dropout', options.dropout);
  return {
    length: lengthOf({ epochs, steps, minutes }),
    rate,
    schedule: { shape: decay, warmup },
    decay: weightDecay,
    clipNorm: clip === 0 ? Infinity : clip,
    clipValue,
    l1,
    l2,
    accumulate: options.accumulate,
    dropout: options.dropout,
    precision: options.precision,
    pieceTokens: options.pieceTokens,
    workers: options.workers,
    evaluate: { ...everyOf(options.evaluateEvery), patience: options.patience },
  };
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
