// Sentence similarity: Spearman and Pearson correlation between given scores and the cosine of two sentence embeddings.
import { DataError } from '../../errors.ts';
import type { Batch } from '../../data/batches.ts';
import type { Dataset } from '../../data/rows.ts';
import type { Encoding } from '../../data/tokenizer.ts';
import { cosine, pearson, spearman } from '../../math/statistics.ts';
import { spearmanOf } from '../../math/statistics-paired.ts';
import type { HostTensor } from '../../runtime/session.ts';
import { chooseEmbedding, type ChosenOutput } from '../outputs.ts';
import { allFinite, sequenceVectors } from '../pooling.ts';
import type { Collector, Outcome, Prepared, PrepareContext, Task } from '../task.ts';
import { VectorTable } from '../vectors.ts';

const metric = 'spearman';

export const sentenceSimilarity: Task = {
  name: 'sentence-similarity',
  metric,
  needs: { label: true, textPair: true },
  prepare(dataset: Dataset, context: PrepareContext): Prepared {
    const gold = readScores(dataset);
    const { sequences, pairs } = encodeOnce(dataset, context);
    return {
      task: this.name,
      metric,
      samples: dataset.rows.length,
      sequences,
      padId: context.tokenizer.padId,
      padSide: context.tokenizer.padSide,
      collect: (outputs) => new PairCollector(chooseEmbedding(outputs), sequences.length, pairs, gold),
    };
  },
};

function readScores(dataset: Dataset): Float64Array {
  return Float64Array.from(dataset.rows, (row) => {
    const score = Number(row.label);
    if (!Number.isFinite(score)) {
      throw new DataError(`${dataset.path} line ${row.line}: expected a number as score, found '${row.label}'`);
    }
    return score;
  });
}

/** Encodes every different sentence once; `pairs` holds the two sequences of row i at 2i and 2i + 1. */
function encodeOnce(
  dataset: Dataset,
  { tokenizer, maxLength }: PrepareContext,
): { sequences: Encoding[]; pairs: Uint32Array } {
  const places = new Map<string, number>();
  const sequences: Encoding[] = [];
  const place = (text: string): number => {
    let at = places.get(text);
    if (at === undefined) {
      places.set(text, (at = sequences.length));
      sequences.push(tokenizer.encode(text, undefined, maxLength));
    }
    return at;
  };
  const pairs = Uint32Array.from(dataset.rows.flatMap((row) => [place(row.text), place(row.textPair ?? '')]));
  return { sequences, pairs };
}

/**
 * Keeps the embedding of a sequence until its partners are there, so that memory follows what is still open; the
 * vectors kept for comparing two models are bounded by themselves.
 */
class PairCollector implements Collector {
  readonly output: ChosenOutput;
  readonly #pairs: Uint32Array;
  readonly #gold: Float64Array;
  readonly #kept: VectorTable;
  readonly #scores: Float64Array;
  /** Embeddings that an example still waits for. */
  readonly #open = new Map<number, Float32Array>();
  /** [sequence]: its examples. */
  readonly #examples: Uint32Array[];
  /** [sequence]: how many of them are not scored yet. */
  readonly #left: Uint32Array;
  #nonFinite = 0;

  constructor(output: ChosenOutput, sequences: number, pairs: Uint32Array, gold: Float64Array) {
    this.output = output;
    this.#pairs = pairs;
    this.#gold = gold;
    this.#kept = new VectorTable(sequences);
    this.#scores = new Float64Array(gold.length).fill(Number.NaN);
    this.#examples = examplesBySequence(sequences, pairs);
    this.#left = Uint32Array.from(this.#examples, (examples) => examples.length);
  }

  add(batch: Batch, value: HostTensor): void {
    let i = 0;
    for (const vector of sequenceVectors(this.output.name, batch, value)) {
      const sequence = batch.rows[i++]!;
      this.#kept.set(sequence, vector);
      this.#open.set(sequence, vector.slice());
      for (const example of this.#examples[sequence]!) this.#score(example);
    }
  }

  #score(example: number): void {
    const pair = this.#pairs.subarray(2 * example, 2 * example + 2);
    const [a, b] = [this.#open.get(pair[0]!), this.#open.get(pair[1]!)];
    if (a === undefined || b === undefined) return;
    for (const sequence of new Set(pair)) {
      if (--this.#left[sequence]! === 0) this.#open.delete(sequence);
    }
    const finite = allFinite(a) && allFinite(b);
    if (!finite) this.#nonFinite++;
    this.#scores[example] = finite ? cosine(a, b) : 0;
  }

  finish(): Outcome {
    const scores = this.#scores;
    const value = spearman(scores, this.#gold);
    const undefinedValue = Number.isNaN(value);
    return {
      value: undefinedValue ? 0 : value,
      secondary: { pearson: undefinedValue ? 0 : pearson(scores, this.#gold) },
      resampled: spearmanOf(scores, this.#gold),
      scores,
      vectors: this.#kept.finish(),
      nonFinite: this.#nonFinite,
      notes: undefinedValue
        ? ['all similarities or all scores are equal: the correlation is undefined, taken as 0']
        : [],
    };
  }
}

function examplesBySequence(sequences: number, pairs: Uint32Array): Uint32Array[] {
  const lists: number[][] = Array.from({ length: sequences }, () => []);
  pairs.forEach((sequence, i) => {
    const list = lists[sequence]!;
    if (list.at(-1) !== i >> 1) list.push(i >> 1);
  });
  return lists.map((list) => Uint32Array.from(list));
}
