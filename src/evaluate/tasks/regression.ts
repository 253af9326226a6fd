// Text classification by a model with one logit that is a score: Spearman and Pearson correlation with given scores, and the error.
import type { Row } from '../../data/dataset.ts';
import { DataError, ModelError } from '../../errors.ts';
import { pearson, spearman } from '../../math/statistics.ts';
import { spearmanOf } from '../../math/statistics-paired.ts';
import { Growing } from '../growing.ts';
import { chooseLogits } from '../outputs.ts';
import type { Example, Outcome, Tally, TaskContext, TaskRun } from '../task.ts';

/** [1] */
type Prediction = Float32Array;

/** For a model whose config says problem_type regression. */
export function regressionRun({ path, tokenizer, maxLength }: TaskContext): TaskRun<number, Float32Array, Prediction> {
  return {
    metric: 'spearman',
    gold: (row) => scoreOf(path, row),
    encode: (row) => [tokenizer.encode(row.text, row.textPair, maxLength)],
    outputs: (specs) => [{ ...chooseLogits(specs), per: 'sequence' }],
    reduce([logits]) {
      const { name, data } = logits!;
      if (data.length !== 1) throw new ModelError(`output '${name}': expected one score a text, found ${data.length}`);
      return data.slice();
    },
    predict: (_example, [score]) => score!,
    tally: () => new ScoreTally(),
    vectors: (score) => [score],
    show: ([score]) => score!.toFixed(3),
    showGold: String,
    loss: ({ gold }, [before], [after]) => Math.abs(after! - gold) - Math.abs(before! - gold),
  };
}

function scoreOf(path: string, { label = '', line }: Row): number {
  const score = Number(label);
  if (label === '' || !Number.isFinite(score))
    throw new DataError(`${path} line ${line}: expected a number as score, found '${label}'`);
  return score;
}

class ScoreTally implements Tally<number, Prediction> {
  readonly #gold = new Growing(Float64Array);
  readonly #scores = new Growing(Float64Array);
  #nonFinite = 0;

  /** A text without a number counts as score 0. */
  add({ gold }: Example<number>, [score]: Prediction): void {
    const finite = Number.isFinite(score);
    this.#gold.push(gold);
    this.#scores.push(finite ? score! : 0);
    if (!finite) this.#nonFinite++;
  }

  finish(): Outcome {
    const [scores, gold] = [this.#scores.finish(), this.#gold.finish()];
    const value = spearman(scores, gold);
    const constant = Number.isNaN(value);
    const squares = scores.reduce((sum, score, i) => sum + (score - gold[i]!) ** 2, 0);
    return {
      samples: gold.length,
      value: constant ? 0 : value,
      secondary: {
        pearson: constant ? 0 : pearson(scores, gold),
        rootMeanSquaredError: Math.sqrt(squares / Math.max(1, gold.length)),
      },
      resampled: spearmanOf(scores, gold),
      nonFinite: this.#nonFinite,
      notes: constant ? ['all predictions or all scores are equal: the correlation is undefined, taken as 0'] : [],
    };
  }
}
