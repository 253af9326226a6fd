// Feature extraction, without labels: the embedding of every text, for comparing two models by parity and neighbours.
import { cosine } from '../../math/statistics.ts';
import { Growing } from '../growing.ts';
import { chooseEmbedding } from '../outputs.ts';
import { allFinite, pool } from '../pooling.ts';
import type { Example, Outcome, Tally, Task, TaskContext, TaskRun } from '../task.ts';

export const featureExtraction: Task = {
  name: 'feature-extraction',
  needs: [],
  begin: (context) => featureRun(context),
};

/** Rows whose neighbours are compared. */
const neighbourRows = 1000;

function featureRun({ tokenizer, maxLength, pooling }: TaskContext): TaskRun<undefined, Float32Array, Float32Array> {
  return {
    gold: () => undefined,
    encode: (row) => [tokenizer.encode(row.text, row.textPair, maxLength)],
    outputs: (specs) => [chooseEmbedding(specs)],
    reduce: ([values]) => pool(values!, pooling),
    predict: (_example, [embedding]) => embedding!,
    tally: () => new FeatureTally(),
    vectors: (embedding) => [embedding],
    graded: true,
    show: (embedding) => (allFinite(embedding) ? `length ${norm(embedding).toFixed(3)}` : 'no number'),
    loss: (_example, before, after) => (allFinite(after) ? 1 - cosine(before, after) : 2),
  };
}

class FeatureTally implements Tally<undefined, Float32Array> {
  readonly #kept = new Growing(Float32Array);
  #samples = 0;
  #nonFinite = 0;
  #width = 0;

  add(_example: Example<undefined>, embedding: Float32Array): void {
    if (this.#samples++ < neighbourRows) {
      this.#width = embedding.length;
      this.#kept.append(embedding);
    }
    if (!allFinite(embedding)) this.#nonFinite++;
  }

  finish(): Outcome {
    const data = this.#kept.finish();
    return {
      samples: this.#samples,
      secondary: {},
      embeddings: { width: this.#width, rows: Math.min(this.#samples, neighbourRows), data },
      nonFinite: this.#nonFinite,
      notes: [],
    };
  }
}

function norm(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
