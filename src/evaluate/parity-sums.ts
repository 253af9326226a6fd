// Sums over pairs of output vectors from which parity follows: cosine, SQNR, largest difference, agreement, divergence.
import { argmax, cosineOf, decibel, klDivergence, softmax } from '../math/statistics.ts';

/** How close a model's outputs are to those of another. Absent parts are absent. */
export interface Parity {
  /** Mean cosine over rows (a sequence, or a token of it). */
  readonly cosine: number;
  /** Signal to noise ratio over all numbers, in dB; absent where the outputs are equal bit by bit. */
  readonly sqnrDb?: number;
  readonly maxAbs: number;
  /** Share of rows with the same largest class, for class scores. */
  readonly agreement?: number;
  /** Mean KL(before || after) of the class distributions in nats, for class scores. */
  readonly kl?: number;
  /** Share of the ten nearest neighbours that stay, of embeddings. */
  readonly neighbours?: number;
  /** Rows in which one of the two models gave NaN or infinity; they count as cosine 0 and disagreement. */
  readonly nonFinite?: number;
  /** Rows compared. */
  readonly rows: number;
}

/** What a vector says of classes: scores that a softmax makes one distribution of, or one that a sigmoid makes of each. */
export type Distribution = 'softmax' | 'sigmoid';

export class ParitySums {
  readonly #classes: Distribution | undefined;
  #rows = 0;
  #cosines = 0;
  #signal = 0;
  #noise = 0;
  #maxAbs = 0;
  #same = 0;
  #kl = 0;
  #nonFinite = 0;

  /** @param classes set where the vectors are class scores, so that agreement and divergence mean something */
  constructor(classes?: Distribution) {
    this.#classes = classes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Adds the outputs of two models for one row; equal lengths. */
  add(before: Float32Array, after: Float32Array): void {
    this.#rows++;
    let ab = 0;
    let aa = 0;
    let bb = 0;
    let noise = 0;
    let maxAbs = 0;
    for (let i = 0; i < before.length; i++) {
      const a = before[i]!;
      const b = after[i]!;
      const difference = a - b;
      ab += a * b;
      aa += a * a;
      bb += b * b;
      noise += difference * difference;
      maxAbs = Math.max(maxAbs, Math.abs(difference));
    }
    if (!Number.isFinite(aa + bb)) {
      this.#nonFinite++;
      return;
    }
    this.#cosines += cosineOf(ab, aa, bb);
    this.#signal += aa;
    this.#noise += noise;
    this.#maxAbs = Math.max(this.#maxAbs, maxAbs);
    if (this.#classes === 'softmax') this.#compareClasses(classScores(before), classScores(after));
    if (this.#classes === 'sigmoid') this.#compareEachClass(before, after);
  }

  #compareClasses(before: Float32Array, after: Float32Array): void {
    if (argmax(before) === argmax(after)) this.#same++;
    this.#kl += klDivergence(softmax(before), softmax(after));
  }

  /** Agreement where all classes fall on the same side of one half; the divergences of the classes add up. */
  #compareEachClass(before: Float32Array, after: Float32Array): void {
    let same = true;
    for (let i = 0; i < before.length; i++) {
      same &&= before[i]! > 0 === after[i]! > 0;
      this.#kl += klDivergence(softmax([0, before[i]!]), softmax([0, after[i]!]));
    }
    if (same) this.#same++;
  }

  /** Parity of everything added; undefined where that is nothing. */
  finish(): Parity | undefined {
    if (this.#rows === 0) return undefined;
    const finite = this.#rows - this.#nonFinite;
    return {
      cosine: this.#cosines / this.#rows,
      ...(this.#noise === 0 ? {} : { sqnrDb: decibel(this.#signal, this.#noise) }),
      maxAbs: this.#maxAbs,
      ...(this.#classes ? { agreement: this.#same / this.#rows, kl: finite === 0 ? 0 : this.#kl / finite } : {}),
      ...(this.#nonFinite === 0 ? {} : { nonFinite: this.#nonFinite }),
      rows: this.#rows,
    };
  }
}

/** One logit is a binary model, softmax([0, z]). */
function classScores(logits: Float32Array): Float32Array {
  return logits.length === 1 ? Float32Array.of(0, logits[0]!) : logits;
}
