// What a task is: how rows become token sequences, and how a model's outputs on them become a score.
import type { Batch } from '../data/batches.ts';
import type { ModelConfig } from '../data/config.ts';
import type { Dataset } from '../data/rows.ts';
import type { Encoding, Tokenizer } from '../data/tokenizer.ts';
import type { ResampledMetric } from '../math/statistics-paired.ts';
import type { HostTensor, ValueSpec } from '../runtime/session.ts';
import type { ChosenOutput } from './outputs.ts';

/** A task: one file in `tasks/`, one line in `registry.ts`. */
export interface Task {
  /** As on the command line. */
  readonly name: string;
  /** Name of the primary metric, a fraction of which more is better; undefined for a task without labels. */
  readonly metric?: string;
  /** What every row must have beside its text. */
  readonly needs: { readonly label: boolean; readonly textPair: boolean };
  /**
   * Tokenizes the rows and reads their labels, once for all models.
   * @throws DataError naming the line of a label that cannot be used
   */
  prepare(dataset: Dataset, context: PrepareContext): Prepared;
}

export interface PrepareContext {
  readonly tokenizer: Tokenizer;
  /** Most tokens of a sequence, special tokens counted. */
  readonly maxLength: number;
  readonly config?: ModelConfig | undefined;
  /** Label names in order of the model's ids; default those of the config. */
  readonly labels?: readonly string[] | undefined;
}

/** Rows ready to be run on any number of models. */
export interface Prepared {
  readonly task: string;
  readonly metric?: string;
  /** Number of examples scored. */
  readonly samples: number;
  /** What goes through the model; an example may be one sequence or two, two examples may share one. */
  readonly sequences: readonly Encoding[];
  readonly padId: number;
  readonly padSide: 'left' | 'right';
  /** Begins a measurement: chooses the output and collects its values. @throws ModelError where no output serves */
  collect(outputs: readonly ValueSpec[]): Collector;
}

/** Collects one model's outputs, batch by batch, in any order. */
export interface Collector {
  readonly output: ChosenOutput;
  /** @throws ModelError where the output has not the shape the task needs */
  add(batch: Batch, value: HostTensor): void;
  finish(): Outcome;
}

/** A measurement of one model; everything by row is kept as compactly as it can be. */
export interface Outcome {
  /** Primary metric, never NaN; absent for a task without labels. */
  readonly value?: number;
  readonly secondary: Readonly<Record<string, number>>;
  /** Primary metric of a resample of the rows, for the interval of a difference. */
  readonly resampled?: ResampledMetric;
  /** [samples]: 1 where the prediction is right. */
  readonly correct?: Uint8Array;
  /** [samples]: predicted class id, -1 where the model gave NaN. */
  readonly predictions?: Int32Array;
  /** [samples, classes] */
  readonly probabilities?: Float32Array;
  /** [samples]: similarity or another score by row. */
  readonly scores?: Float64Array;
  /** Output vectors by sequence, or of the first sequences where all would take too much memory. */
  readonly vectors: Vectors;
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
