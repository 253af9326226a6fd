// Text classification, one class a row: accuracy, macro F1 and Matthews correlation over the argmax of the logits.
import { DataError, ModelError } from '../../errors.ts';
import type { Batch } from '../../data/batches.ts';
import type { Dataset } from '../../data/rows.ts';
import { accuracy, confusion, macroF1, matthews } from '../../math/statistics-classification.ts';
import { argmax, softmax } from '../../math/statistics.ts';
import type { HostTensor } from '../../runtime/session.ts';
import { readLabels } from '../labels.ts';
import { chooseLogits, toFloat32, type ChosenOutput } from '../outputs.ts';
import { allFinite } from '../pooling.ts';
import type { Collector, Outcome, Prepared, PrepareContext, Task } from '../task.ts';
import { VectorTable } from '../vectors.ts';

const metric = 'accuracy';

export const textClassification: Task = {
  name: 'text-classification',
  metric,
  needs: { label: true, textPair: false },
  prepare(dataset: Dataset, context: PrepareContext): Prepared {
    const { tokenizer, maxLength } = context;
    const gold = readLabels(dataset, context.labels ?? context.config?.labels ?? []);
    return {
      task: this.name,
      metric,
      samples: dataset.rows.length,
      sequences: dataset.rows.map((row) => tokenizer.encode(row.text, row.textPair, maxLength)),
      padId: tokenizer.padId,
      padSide: tokenizer.padSide,
      collect: (outputs) => new ClassCollector(chooseLogits(outputs), dataset, gold),
    };
  },
};

class ClassCollector implements Collector {
  readonly output: ChosenOutput;
  readonly #dataset: Dataset;
  readonly #gold: Int32Array;
  readonly #logits: VectorTable;
  readonly #predictions: Int32Array;
  #probabilities = new Float32Array(0);
  #classes = 0;
  #nonFinite = 0;

  constructor(output: ChosenOutput, dataset: Dataset, gold: Int32Array) {
    this.output = output;
    this.#dataset = dataset;
    this.#gold = gold;
    this.#logits = new VectorTable(gold.length);
    this.#predictions = new Int32Array(gold.length).fill(-1);
  }

  add(batch: Batch, value: HostTensor): void {
    const [size, width] = value.dims;
    if (value.dims.length !== 2 || size !== batch.size || width === undefined || width === 0) {
      throw new ModelError(
        `output '${this.output.name}': expected [${batch.size}, classes], found [${value.dims.join(', ')}]`,
      );
    }
    if (this.#classes === 0) this.#begin(Math.max(2, width));
    const data = toFloat32(this.output.name, value);
    batch.rows.forEach((row, i) => this.#take(row, data.subarray(i * width, (i + 1) * width)));
  }

  /** Checks the labels against the number of classes, which only now is certain. */
  #begin(classes: number): void {
    this.#classes = classes;
    this.#probabilities = new Float32Array(this.#gold.length * classes);
    const at = this.#gold.findIndex((label) => label >= classes);
    if (at >= 0) {
      const row = this.#dataset.rows[at];
      throw new DataError(
        `${this.#dataset.path} line ${row?.line}: expected one of the model's ${classes} classes, found label '${row?.label}'`,
      );
    }
  }

  #take(row: number, logits: Float32Array): void {
    this.#logits.set(row, logits);
    if (!allFinite(logits)) {
      this.#nonFinite++;
      return; // the prediction stays -1: wrong whatever the label
    }
    // one logit is a binary model: softmax([0, z]) is [1 - sigmoid(z), sigmoid(z)]
    const scores = logits.length === 1 ? Float32Array.of(0, logits[0]!) : logits;
    this.#predictions[row] = argmax(scores);
    this.#probabilities.set(softmax(scores), row * this.#classes);
  }

  finish(): Outcome {
    const gold = this.#gold;
    const predictions = this.#predictions;
    const matrix = confusion(gold, predictions, this.#classes);
    const correct = Uint8Array.from(gold, (label, i) => (label === predictions[i] ? 1 : 0));
    return {
      value: accuracy(matrix),
      secondary: { macroF1: macroF1(matrix), mcc: matthews(matrix) },
      resampled: (counts) => correct.reduce((sum, right, i) => sum + right * counts[i]!, 0) / correct.length,
      correct,
      predictions,
      probabilities: this.#probabilities,
      vectors: this.#logits.finish(),
      nonFinite: this.#nonFinite,
      notes: [],
    };
  }
}
