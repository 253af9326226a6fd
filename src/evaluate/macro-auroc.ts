// The scores that the area under the ROC curve is made of, kept row by row up to a limit.
import { macroAuroc } from '../math/statistics-ranking.ts';
import { Growing } from './growing.ts';

/** Scores kept; 5 bytes each, so that a hundred thousand rows of 20 classes take 10 MB. */
const mostScores = 2_000_000;

/**
 * Macro AUROC, each class against the rest. A row without a number counts as the worst there is: below all others for
 * its own classes, above them for the rest. Rows beyond two million scores are left out, which `finish` notes.
 */
export class AurocSums {
  readonly #scores = new Growing(Float32Array);
  readonly #gold = new Growing(Uint8Array);
  readonly #most: number;
  #classes = 0;
  #rows = 0;

  constructor(most = mostScores) {
    this.#most = most;
  }

  /**
   * @param scores of every class, as many in every row; only their order over the rows of a class counts
   * @param isGold whether the row has a class
   */
  add(scores: ArrayLike<number>, isGold: (label: number) => boolean): void {
    this.#rows++;
    this.#classes = scores.length;
    if (this.#scores.length + scores.length > this.#most) return;
    let finite = true;
    for (let c = 0; c < scores.length; c++) finite &&= Number.isFinite(scores[c]!);
    for (let c = 0; c < scores.length; c++) {
      const gold = isGold(c);
      this.#gold.push(gold ? 1 : 0);
      this.#scores.push(finite ? scores[c]! : gold ? -Infinity : Infinity);
    }
  }

  /** Absent where no class divides the rows. */
  finish(): { readonly macroAuroc?: number; readonly notes: readonly string[] } {
    if (this.#classes === 0) return { notes: [] };
    const [scores, gold] = [this.#scores.finish(), this.#gold.finish()];
    const value = macroAuroc(scores, this.#classes, (row, of) => gold[row * this.#classes + of]!);
    if (Number.isNaN(value)) return { notes: [] };
    const kept = scores.length / this.#classes;
    const note = `macroAuroc is of the first ${kept} rows: the scores of more are not kept`;
    return { macroAuroc: value, notes: kept < this.#rows ? [note] : [] };
  }
}
