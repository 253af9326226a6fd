// `distill` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import type { MakingOptions } from './making-options.ts';
import { measuringOf, type JudgingOptions } from './measuring-options.ts';
import type { FitTask } from './objectives/fit-task.ts';
import type { LayerMapChoice } from './passes/student/layer-map.ts';
import type { LayerChoice } from './passes/student/layer-list.ts';
import { distillModel } from './pipeline/distill/distill.ts';
import type { TeacherChoice } from './pipeline/distill/teachers.ts';
import type { Events } from './pipeline/events.ts';
import { parseSize } from './pipeline/gates.ts';
import type { CompressionReport } from './report/schema.ts';
import { trainingOf, type LearningOptions } from './training-options.ts';

/** Options of `distill`; each is the flag of the same name. Rate 2e-4, batches of 64 and 100 steps of warm-up by default. */
export interface DistillModelOptions extends LearningOptions, MakingOptions, JudgingOptions {
  /** Rows to train on; labels are not needed. */
  readonly data: string;
  /** Default guessed from the data and the teacher. */
  readonly task?: FitTask | undefined;

  /** Variants of each text to learn from as well, words replaced by likely ones (TinyBERT); default none. */
  readonly augment?: number | undefined;
  /** A model that fills masks, to say what is likely; default the teacher where it does. */
  readonly augmentWith?: string | undefined;
  /** How likely a word is replaced; default 0.4. */
  readonly augmentShare?: number | undefined;
  /** Among how many likely words one is chosen; default 15. */
  readonly augmentTop?: number | undefined;
  /** Whether variants keep the labels of their texts; by default they teach by the teacher's answers alone. */
  readonly augmentLabels?: boolean | undefined;

  /** Other teachers: their class scores (probabilities, averaged by weight) and text vectors are learned as well. */
  readonly teachers?: readonly TeacherChoice[] | undefined;
  /** Of the teacher itself beside the others; default 1. */
  readonly teacherWeight?: number | undefined;

  /** Layers of the teacher to keep: how many, evenly spaced, or which, counted from 0. */
  readonly layers?: LayerChoice | undefined;
  /** Attention heads and feed-forward neurons to keep in each layer. */
  readonly heads?: number | undefined;
  readonly ffn?: number | undefined;
  /** Another model as student instead. */
  readonly student?: string | undefined;
  /** Default: the layers kept; of another model evenly spaced. Pairs are [student, teacher], counted from 0. */
  readonly layerMap?: LayerMapChoice | undefined;
  /** Weights that stay as they are, by name or path, with *. */
  readonly freeze?: readonly string[] | undefined;
  readonly trainEmbeddings?: boolean | undefined;

  /** Weight of the teacher's class scores; default 1, and 0 for a teacher without. */
  readonly soft?: number | undefined;
  /** Default 2. */
  readonly temperature?: number | undefined;
  /** Weight of the labels; default 0.5 where there are labels. */
  readonly hard?: number | undefined;
  /** Weight of the hidden states of the matched layers; default 1. */
  readonly hidden?: number | undefined;
  /** Weight of the attention scores of the matched layers (TinyBERT); default 0. */
  readonly attentionScores?: number | undefined;
  /** Weight of attention and value relations of the last layers (MiniLM); default 0. */
  readonly relations?: number | undefined;
  /** Weight of the text vectors; default 1 for a teacher without class scores, else 0. */
  readonly embedding?: number | undefined;
  readonly embeddingForm?: 'cosine' | 'mse' | undefined;
  /** Default: an output of text vectors where the teacher has one, else as the model folder says, else mean. */
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;

  /** Rows a step; default 64. */
  readonly batch?: number | undefined;
  /** Steps between checkpoints; default 200. */
  readonly checkpointEvery?: number | undefined;
  readonly resume?: boolean | undefined;
  /** Most disk that the teacher's outputs may take, `2GB`; default 4GB, 0 for none. */
  readonly cache?: string | undefined;
  /** Default `~/.cache/bert-compress/teacher`. */
  readonly cacheFolder?: string | undefined;
}

/**
 * Distil a teacher into a smaller student, measure the student against it and judge it by the gates. An aborted signal ends
 * the training and keeps what was best so far; `report.training.stopped` says so.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export function distill(teacher: string, options: DistillModelOptions, events?: Events): Promise<CompressionReport> {
  const { cache, attentionScores, ...rest } = options;
  for (const name of ['soft', 'hard', 'hidden', 'attentionScores', 'relations', 'embedding'] as const)
    if ((options[name] ?? 0) < 0) throw new UsageError(`${name}: expected a weight from 0, found ${options[name]}`);
  return distillModel(
    {
      ...measuringOf(rest),
      teacher,
      scores: attentionScores,
      batch: options.batch ?? 64,
      training: trainingOf({ ...options, rate: options.rate ?? 2e-4, warmup: options.warmup ?? 100 }),
      checkpointEvery: options.checkpointEvery ?? 200,
      cache: parseSize(cache ?? '4GB', '--cache'),
    },
    events,
  );
}
