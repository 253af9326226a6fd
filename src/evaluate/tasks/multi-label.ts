// Text classification with any number of labels a row: a sigmoid over each logit, a label where it reaches one half.
import { DataError } from '../../errors.ts';
import { macroF1Of, microF1Of } from '../../math/statistics-multi-label.ts';
import { Growing } from '../growing.ts';
import { labelListReader } from '../label-lists.ts';
import { AurocSums } from '../macro-auroc.ts';
import { chooseLogits } from '../outputs.ts';
import { allFinite } from '../pooling.ts';
import type { Example, Outcome, Tally, TaskContext, TaskRun } from '../task.ts';

interface Prediction {
  readonly logits: Float32Array;
  /** False where a logit is NaN or infinite: the row then has no label at all, and is wrong. */
  readonly finite: boolean;
  /** Class ids, ascending. */
  readonly labels: readonly number[];
}

/** Ids of a row's labels, ascending. */
type Gold = Int32Array;

/** Micro F1 over all labels; macro F1, subset accuracy and macro AUROC beside it. A row is right where all of its labels are. */
export function multiLabelRun({
  path,
  tokenizer,
  maxLength,
  labels,
}: TaskContext): TaskRun<Gold, Float32Array, Prediction> {
  const namesOf = (ids: Iterable<number>): string => [...ids].map((id) => labels[id] ?? id).join('|') || 'no label';
  return {
    metric: 'microF1',
    classes: 'sigmoid',
    gold: labelListReader(path, labels),
    encode: (row) => [tokenizer.encode(row.text, row.textPair, maxLength)],
    outputs: (specs) => [{ ...chooseLogits(specs), per: 'sequence' }],
    reduce: ([logits]) => logits!.data.slice(),
    predict: (example, [logits]) => predictionOf(path, example, logits!),
    tally: () => new LabelTally(),
    vectors: ({ logits }) => [logits],
    show: ({ finite, labels: found }) => (finite ? namesOf(found) : 'no number'),
    showGold: namesOf,
    loss: ({ gold }, before, after) => lossOf(new Set(gold), before, after),
  };
}

function predictionOf(path: string, { row, gold }: Example<Gold>, logits: Float32Array): Prediction {
  const unknown = gold.find((label) => label >= logits.length);
  if (unknown !== undefined) {
    throw new DataError(
      `${path} line ${row.line}: expected some of the model's ${logits.length} classes, found label ${unknown}`,
    );
  }
  const finite = allFinite(logits);
  // sigmoid(z) >= 1/2 where z >= 0
  return { logits, finite, labels: finite ? [...logits.keys()].filter((label) => logits[label]! >= 0) : [] };
}

/** Over the labels whose decision changed: the probability of the right one before, minus that after. */
function lossOf(gold: ReadonlySet<number>, before: Prediction, after: Prediction): number {
  const [was, is] = [new Set(before.labels), new Set(after.labels)];
  const right = ({ logits, finite }: Prediction, label: number): number => {
    const z = logits[label]!;
    return finite ? 1 / (1 + Math.exp(gold.has(label) ? -z : z)) : 0;
  };
  let loss = 0;
  for (let label = 0; label < Math.min(before.logits.length, after.logits.length); label++) {
    if (was.has(label) === is.has(label) && before.finite === after.finite) continue;
    loss += right(before, label) - right(after, label);
  }
  return loss;
}

class LabelTally implements Tally<Gold, Prediction> {
  readonly #rows = { tp: new Growing(Int32Array), fp: new Growing(Int32Array), fn: new Growing(Int32Array) };
  readonly #correct = new Growing(Uint8Array);
  readonly #areas = new AurocSums();
  #labels = { tp: new Float64Array(0), fp: new Float64Array(0), fn: new Float64Array(0) };
  #nonFinite = 0;

  add({ gold }: Example<Gold>, { logits, finite, labels }: Prediction): void {
    if (this.#labels.tp.length === 0) this.#begin(logits.length);
    const [wanted, found] = [new Set(gold), new Set(labels)];
    const tp = count(this.#labels.tp, labels, (label) => wanted.has(label));
    const fp = count(this.#labels.fp, labels, (label) => !wanted.has(label));
    const fn = count(this.#labels.fn, gold, (label) => !found.has(label));
    this.#rows.tp.push(tp);
    this.#rows.fp.push(fp);
    this.#rows.fn.push(fn);
    this.#correct.push(finite && fp + fn === 0 ? 1 : 0);
    this.#areas.add(logits, (label) => wanted.has(label));
    if (!finite) this.#nonFinite++;
  }

  #begin(classes: number): void {
    const zeros = (): Float64Array<ArrayBuffer> => new Float64Array(classes);
    this.#labels = { tp: zeros(), fp: zeros(), fn: zeros() };
  }

  finish(): Outcome {
    const rows = { tp: this.#rows.tp.finish(), fp: this.#rows.fp.finish(), fn: this.#rows.fn.finish() };
    const correct = this.#correct.finish();
    const value = microF1Of(rows);
    const none = Number.isNaN(value);
    const { macroAuroc, notes } = this.#areas.finish();
    return {
      samples: correct.length,
      value: none ? 0 : value,
      secondary: {
        macroF1: none ? 0 : macroF1Of(this.#labels),
        subsetAccuracy: correct.length === 0 ? 0 : correct.reduce((sum, one) => sum + one, 0) / correct.length,
        ...(macroAuroc === undefined ? {} : { macroAuroc }),
      },
      resampled: (counts) => microF1Of(rows, counts),
      correct,
      nonFinite: this.#nonFinite,
      notes: none ? ['no row has a label, nor is one found: F1 is undefined, taken as 0', ...notes] : notes,
    };
  }
}

/** Counts the labels that pass, in `sums` and as a whole. */
function count(sums: Float64Array, labels: Iterable<number>, passes: (label: number) => boolean): number {
  let all = 0;
  for (const label of labels) {
    if (!passes(label)) continue;
    sums[label]!++;
    all++;
  }
  return all;
}
