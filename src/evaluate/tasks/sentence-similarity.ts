// Sentence similarity: Spearman and Pearson correlation between given scores and the cosine of two sentence embeddings.
import { DataError } from '../../errors.ts';
import type { Row } from '../../data/dataset.ts';
import { cosine, pearson, spearman } from '../../math/statistics.ts';
import { spearmanOf } from '../../math/statistics-paired.ts';
import { Growing } from '../growing.ts';
import { chooseEmbedding } from '../outputs.ts';
import { allFinite, pool } from '../pooling.ts';
import type { Example, Outcome, Tally, Task, TaskContext, TaskRun } from '../task.ts';

export const sentenceSimilarity: Task = {
  name: 'sentence-similarity',
  needs: ['textPair', 'label'],
  begin: (context) => similarityRun(context),
};

interface Prediction {
  readonly pair: readonly Float32Array[];
  /** NaN where an embedding is not finite. */
  readonly score: number;
}

function similarityRun({
  path,
  tokenizer,
  maxLength,
  pooling,
}: TaskContext): TaskRun<number, Float32Array, Prediction> {
  return {
    metric: 'spearman',
    gold: (row) => scoreOf(path, row),
    encode: (row) => [row.text, row.textPair ?? ''].map((sentence) => tokenizer.encode(sentence, undefined, maxLength)),
    outputs: (specs) => [chooseEmbedding(specs)],
    reduce: ([values]) => pool(values!, pooling),
    predict: (_example, pair) => ({ pair, score: pair.every(allFinite) ? cosine(pair[0]!, pair[1]!) : Number.NaN }),
    tally: () => new SimilarityTally(),
    vectors: ({ pair }) => pair,
    graded: true,
    show: ({ score }) => (Number.isNaN(score) ? 'no number' : `cosine ${score.toFixed(3)}`),
    showGold: (score) => String(score),
    // how far the similarity moved: whether towards the score depends on all the others, a correlation being of ranks
    loss: (_example, before, after) => Math.abs((before.score || 0) - (after.score || 0)),
  };
}

function scoreOf(path: string, row: Row): number {
  const score = Number(row.label);
  if (row.label === undefined || row.label === '' || !Number.isFinite(score)) {
    throw new DataError(`${path} line ${row.line}: expected a number as score, found '${row.label ?? ''}'`);
  }
  return score;
}

class SimilarityTally implements Tally<number, Prediction> {
  readonly #gold = new Growing(Float64Array);
  readonly #scores = new Growing(Float64Array);
  #nonFinite = 0;

  /** A pair without a number counts as similarity 0. */
  add({ gold }: Example<number>, { score }: Prediction): void {
    this.#gold.push(gold);
    this.#scores.push(Number.isNaN(score) ? 0 : score);
    if (Number.isNaN(score)) this.#nonFinite++;
  }

  finish(): Outcome {
    const [scores, gold] = [this.#scores.finish(), this.#gold.finish()];
    const value = spearman(scores, gold);
    const constant = Number.isNaN(value);
    return {
      samples: gold.length,
      value: constant ? 0 : value,
      secondary: { pearson: constant ? 0 : pearson(scores, gold) },
      resampled: spearmanOf(scores, gold),
      nonFinite: this.#nonFinite,
      notes: constant ? ['all similarities or all scores are equal: the correlation is undefined, taken as 0'] : [],
    };
  }
}
