// Text classification, one class a row: accuracy, F1, recall, Matthews correlation and AUROC from the logits.
import { DataError } from '../../errors.ts';
import { accuracy, confusion, macroF1, macroRecall, matthews, microF1 } from '../../math/statistics-classification.ts';
import { meanOf } from '../../math/statistics-paired.ts';
import { argmax, logOdds, softmax } from '../../math/statistics.ts';
import { Growing } from '../growing.ts';
import { labelReader } from '../labels.ts';
import { chooseLogits } from '../outputs.ts';
import { AurocSums } from '../macro-auroc.ts';
import { allFinite } from '../pooling.ts';
import type { Example, Outcome, Tally, Task, TaskContext, TaskRun } from '../task.ts';
import { multiLabelRun } from './multi-label.ts';
import { regressionRun } from './regression.ts';

export const textClassification: Task = {
  name: 'text-classification',
  needs: ['label'],
  begin(context) {
    if (context.config?.problemType === 'regression') return regressionRun(context);
    const several = context.several || context.config?.problemType === 'multi_label_classification';
    return several ? multiLabelRun(context) : classRun(context);
  },
};

interface Prediction {
  readonly logits: Float32Array;
  /** Of each class; of a model with one logit, softmax([0, z]). */
  readonly probabilities: Float64Array;
  /** -1 where the model gave NaN: wrong whatever the label. */
  readonly label: number;
}

function classRun({ path, tokenizer, maxLength, labels }: TaskContext): TaskRun<number, Float32Array, Prediction> {
  const nameOf = (label: number): string => (label < 0 ? 'no number' : (labels[label] ?? String(label)));
  return {
    metric: 'accuracy',
    classes: 'softmax',
    gold: labelReader(path, labels),
    encode: (row) => [tokenizer.encode(row.text, row.textPair, maxLength)],
    outputs: (specs) => [{ ...chooseLogits(specs), per: 'sequence' }],
    reduce: ([logits]) => logits!.data.slice(),
    predict: (example, [logits]) => predictionOf(path, example, logits!),
    tally: () => new ClassTally(),
    vectors: ({ logits }) => [logits],
    show: ({ label }) => nameOf(label),
    showGold: nameOf,
    loss: ({ gold }, before, after) =>
      before.label === after.label || after.label === gold
        ? 0
        : before.probabilities[gold]! - (after.label < 0 ? 0 : after.probabilities[gold]!),
  };
}

function predictionOf(path: string, { row, gold }: Example<number>, logits: Float32Array): Prediction {
  const scores = scoresOf(logits);
  if (gold >= scores.length) {
    throw new DataError(
      `${path} line ${row.line}: expected one of the model's ${scores.length} classes, found label '${row.label}'`,
    );
  }
  return { logits, probabilities: softmax(scores), label: allFinite(logits) ? argmax(scores) : -1 };
}

/** One logit is a binary model: [0, z]. */
function scoresOf(logits: Float32Array): Float32Array {
  return logits.length === 1 ? Float32Array.of(0, logits[0]!) : logits;
}

class ClassTally implements Tally<number, Prediction> {
  readonly #gold = new Growing(Int32Array);
  readonly #predicted = new Growing(Int32Array);
  readonly #correct = new Growing(Uint8Array);
  readonly #areas = new AurocSums();
  #classes = 2;
  #nonFinite = 0;

  add({ gold }: Example<number>, { label, logits, probabilities }: Prediction): void {
    this.#classes = Math.max(this.#classes, probabilities.length);
    this.#gold.push(gold);
    this.#predicted.push(label);
    this.#correct.push(label === gold ? 1 : 0);
    this.#areas.add(logOdds(scoresOf(logits)), (one) => one === gold);
    if (label < 0) this.#nonFinite++;
  }

  finish(): Outcome {
    const correct = this.#correct.finish();
    const matrix = confusion(this.#gold.finish(), this.#predicted.finish(), this.#classes);
    const { macroAuroc, notes } = this.#areas.finish();
    return {
      samples: correct.length,
      value: accuracy(matrix),
      secondary: {
        macroF1: macroF1(matrix),
        microF1: microF1(matrix),
        macroRecall: macroRecall(matrix),
        mcc: matthews(matrix),
        ...(macroAuroc === undefined ? {} : { macroAuroc }),
      },
      resampled: meanOf(correct),
      correct,
      confusion: matrix.counts,
      nonFinite: this.#nonFinite,
      notes,
    };
  }
}
