// The sums of question answering: F1 and exact match of every question, apart for those with and without answers.
import { Growing } from './growing.ts';
import type { Span } from './spans.ts';
import type { AnswerScores } from './squad.ts';
import type { Example, Outcome, Tally } from './task.ts';

/** Accepted answers; none for a question that cannot be answered. */
export type Answers = readonly string[];

/** What a model says of one window; a logit a token. */
export interface WindowScores {
  readonly start: Float32Array;
  readonly end: Float32Array;
  readonly best: Span | undefined;
  readonly finite: boolean;
}

export interface Answer extends AnswerScores {
  /** '' for no answer. */
  readonly text: string;
  readonly windows: readonly WindowScores[];
  readonly finite: boolean;
}

export class AnswerTally implements Tally<Answers, Answer> {
  readonly #unanswerable: () => boolean;
  readonly #f1 = new Growing(Float64Array);
  readonly #exact = new Growing(Uint8Array);
  readonly #answerable = new Growing(Uint8Array);
  #nonFinite = 0;

  /** @param unanswerable whether some question of the data has no answer, asked for at the end */
  constructor(unanswerable: () => boolean) {
    this.#unanswerable = unanswerable;
  }

  add({ gold }: Example<Answers>, { exact, f1, finite }: Answer): void {
    this.#f1.push(f1);
    this.#exact.push(exact);
    this.#answerable.push(gold.length > 0 ? 1 : 0);
    if (!finite) this.#nonFinite++;
  }

  finish(): Outcome {
    const [f1, correct] = [this.#f1.finish(), this.#exact.finish()];
    const answerable = this.#answerable.finish();
    const without = answerable.map((has) => 1 - has);
    const all = new Uint8Array(f1.length).fill(1);
    const parts = {
      hasAnsExactMatch: weightedMean(correct, answerable),
      hasAnsF1: weightedMean(f1, answerable),
      noAnsExactMatch: weightedMean(correct, without),
    };
    return {
      samples: f1.length,
      value: f1.length === 0 ? 0 : weightedMean(f1, all),
      secondary: {
        exactMatch: weightedMean(correct, all),
        ...(this.#unanswerable()
          ? Object.fromEntries(Object.entries(parts).filter(([, value]) => !Number.isNaN(value)))
          : {}),
      },
      resampled: (counts) => weightedMean(f1, counts),
      correct,
      nonFinite: this.#nonFinite,
      notes: [],
    };
  }
}

/** NaN where all weights are 0. */
function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  let weight = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]! * values[i]!;
    weight += weights[i]!;
  }
  return sum / weight;
}
