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
  /** Of each class. */
  readonly #columns: { readonly scores: Growing<Float32Array>; readonly gold: Growing<Uint8Array> }[] = [];
  readonly #most: number;
  #rows = 0;
  #kept = 0;

  constructor(most = mostScores) {
    this.#most = most;
  }

  /**
   * @param scores of every class, as many in every row; only their order over the rows of a class counts
   * @param isGold whether the row has a class
   */
  add(scores: ArrayLike<number>, isGold: (label: number) => boolean): void {
    this.#rows++;
    if ((this.#kept + 1) * scores.length > this.#most) return;
    this.#kept++;
    let finite = true;
    for (let c = 0; c < scores.length; c++) finite &&= Number.isFinite(scores[c]!);
    for (let c = 0; c < scores.length; c++) {
      const column = (this.#columns[c] ??= { scores: new Growing(Float32Array), gold: new Growing(Uint8Array) });
      const gold = isGold(c);
      column.gold.push(gold ? 1 : 0);
      column.scores.push(finite ? scores[c]! : gold ? -Infinity : Infinity);
    }
  }

  /** Absent where no class divides the rows. */
  finish(): { readonly macroAuroc?: number; readonly notes: readonly string[] } {
    const value = macroAuroc(this.#whole());
    if (Number.isNaN(value)) return { notes: [] };
    const note = `macroAuroc is of the first ${this.#kept} rows: the scores of more are not kept`;
    return { macroAuroc: value, notes: this.#kept < this.#rows ? [note] : [] };
  }

  /** One class after the other, so that one at a time lies in one piece. */
  *#whole(): Generator<{ readonly scores: Float32Array; readonly positive: Uint8Array }> {
    for (const { scores, gold } of this.#columns) yield { scores: scores.finish(), positive: gold.finish() };
  }
}
