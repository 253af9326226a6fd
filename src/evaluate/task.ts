// What a task is: how a row becomes token sequences, what is kept of a model's outputs on them, and how that is scored.
import type { ModelConfig } from '../data/config.ts';
import type { Row } from '../data/dataset.ts';
import type { Encoding, Tokenizer } from '../data/tokenizer/tokenizer.ts';
import type { ResampledMetric } from '../math/statistics-paired.ts';
import type { ValueSpec } from '../runtime/session.ts';
import type { ChosenOutput } from './outputs.ts';
import type { Distribution } from './parity-sums.ts';
import type { Pooling } from './pooling.ts';
import type { SequenceValues } from './sequence-values.ts';

/** A task: one file in `tasks/`, one line in `registry.ts`. */
export interface Task {
  /** As on the command line. */
  readonly name: string;
  /** What every row must have beside its text. */
  readonly needs: readonly ('label' | 'textPair' | 'tags' | 'answers')[];
  /** Begins work with one tokenizer and one set of labels, which several models may share. */
  begin(context: TaskContext): TaskRun;
}

export interface TaskContext {
  /** The data file, for messages. */
  readonly path: string;
  readonly tokenizer: Tokenizer;
  /** Most tokens of a sequence, special tokens counted. */
  readonly maxLength: number;
  readonly config?: ModelConfig | undefined;
  /** Label names in order of the model's ids; empty where nothing names them. */
  readonly labels: readonly string[];
  /** True where rows have lists of labels. */
  readonly several?: boolean | undefined;
  /** How tokens become one vector, for tasks that need one. */
  readonly pooling: Pooling;
  readonly seed: number;
}

/** A row with what it should give and what goes through the model. */
export interface Example<Gold = unknown> {
  readonly row: Row;
  readonly gold: Gold;
  readonly sequences: readonly Encoding[];
}

/**
 * A task at work. Rows go through it in windows: `gold` for all rows first, so that bad data costs no time, then
 * `encode`, the model, `reduce` for every sequence, `predict` for every example; nothing of a window outlives it but
 * what the tallies keep.
 */
export interface TaskRun<Gold = unknown, Part = unknown, Prediction = unknown> {
  /** The primary metric, a fraction of which more is better; absent for a task without labels. */
  readonly metric?: string;
  /** What `vectors` say of classes, so that agreement and divergence of distributions mean something. */
  readonly classes?: Distribution | undefined;
  /** True where predictions are numbers or vectors, of which no two are alike: there is no agreement to tell. */
  readonly graded?: boolean;
  /** Most tokens of a batch, for outputs that are wide. */
  readonly maxTokens?: number;
  /** What a row should give. @throws DataError naming the line of a label that cannot be used */
  gold(row: Row): Gold;
  encode(row: Row, gold: Gold): readonly Encoding[];
  /** The outputs to read. @throws ModelError where none serves */
  outputs(specs: readonly ValueSpec[]): readonly ChosenOutput[];
  /** What is kept of sequence `index` of an example; the arrays are lent: copy what stays. @throws ModelError for wrong shapes */
  reduce(values: readonly SequenceValues[], example: Example<Gold>, index: number): Part;
  predict(example: Example<Gold>, parts: readonly Part[]): Prediction;
  /** Begins the sums of one model; called for every model before the first row of an evaluation. */
  tally(): Tally<Gold, Prediction>;
  /** The output vectors of a prediction, for parity: as many and as wide for every model that was fed the same tokens. */
  vectors?(prediction: Prediction): readonly Float32Array[];
  /** A prediction as people read it; equal texts are equal predictions. */
  show?(prediction: Prediction, example: Example<Gold>): string;
  /** What a row should give, as people read it. */
  showGold?(gold: Gold): string;
  /** How much worse the second prediction is; 0 or less where it is not. */
  loss?(example: Example<Gold>, before: Prediction, after: Prediction): number;
}

/** The sums of one model over all examples, which come in the order of the rows. */
export interface Tally<Gold = unknown, Prediction = unknown> {
  add(example: Example<Gold>, prediction: Prediction): void;
  finish(): Outcome;
}

/** A measurement of one model; what is kept by row is kept as compactly as it can be. */
export interface Outcome {
  /** Examples scored. */
  readonly samples: number;
  /** Primary metric, never NaN; absent for a task without labels. */
  readonly value?: number;
  readonly secondary: Readonly<Record<string, number>>;
  /** Primary metric of a resample of the examples, for the interval of a difference and for folds. */
  readonly resampled?: ResampledMetric;
  /** [samples]: 1 where the prediction is right. */
  readonly correct?: Uint8Array;
  /** Embeddings of the first rows, for comparing neighbours. */
  readonly embeddings?: Vectors;
  /** [classes, classes] of gold and prediction, row-major, for saying what went wrong. */
  readonly confusion?: Float64Array;
  /** Examples for which the model gave NaN or infinity; they count as wrong, or as a similarity of 0. */
  readonly nonFinite: number;
  /** What the user should know about this measurement. */
  readonly notes: readonly string[];
}

/** Vectors of equal width, row-major [rows, width]. */
export interface Vectors {
  readonly width: number;
  readonly rows: number;
  readonly data: Float32Array;
}
