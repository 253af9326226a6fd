// How well scores put what is relevant first: area under the ROC curve, average precision, and retrieval metrics at a rank.
import { ascending, endOfTie, type Numbers } from './statistics.ts';

/**
 * Area under the ROC curve: the chance that a positive row has a higher score than a negative one, a tie counting one
 * half (Mann and Whitney 1947: U / (positives x negatives)). NaN where one of the two is missing.
 * @param scores may be infinite, but not NaN
 * @param positive 1 for a positive row, 0 for a negative one
 */
export function auroc(scores: Numbers, positive: ArrayLike<number>): number {
  const [hits, others] = [sortedWhere(scores, positive, 1), sortedWhere(scores, positive, 0)];
  if (hits.length === 0 || others.length === 0) return Number.NaN;
  let wins = 0;
  let [below, upTo] = [0, 0]; // negatives that are lower, and that are not higher
  for (const score of hits) {
    while (below < others.length && others[below]! < score) below++;
    while (upTo < others.length && others[upTo]! <= score) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins / (hits.length * others.length);
}

/** The scores of the rows of a kind, ascending: sorted as numbers, which needs no copy as sorting by a function does. */
function sortedWhere(scores: Numbers, positive: ArrayLike<number>, kind: number): Float64Array {
  let count = 0;
  for (let i = 0; i < scores.length; i++) if (positive[i] === kind) count++;
  const sorted = new Float64Array(count);
  for (let i = 0, at = 0; i < scores.length; i++) if (positive[i] === kind) sorted[at++] = scores[i]!;
  return sorted.sort();
}

/**
 * Average precision, sum over thresholds of (recall gained) x precision, without interpolation (scikit-learn's
 * average_precision_score). Rows with equal scores pass a threshold together. NaN without a positive row.
 */
export function averagePrecision(scores: Numbers, positive: ArrayLike<number>): number {
  const order = ascending(scores).reverse();
  let found = 0;
  let sum = 0;
  for (let from = 0; from < order.length;) {
    const to = endOfTie(scores, order, from);
    let inTie = 0;
    for (let i = from; i < to; i++) inTie += positive[order[i]!]!;
    found += inTie;
    sum += (inTie * found) / to;
    from = to;
  }
  return found === 0 ? Number.NaN : sum / found;
}

/**
 * Mean of the classes' areas under the ROC curve, each class against the rest (scikit-learn's roc_auc_score with
 * average='macro' and multi_class='ovr', which for many classes wants them all to occur). A class that every row has
 * or that none has is left out; NaN where no class is left.
 * @param classes of each class the scores of all rows, and 1 for a row that has it, 0 for one that has not
 */
export function macroAuroc(
  classes: Iterable<{ readonly scores: Numbers; readonly positive: ArrayLike<number> }>,
): number {
  let [sum, seen] = [0, 0];
  for (const { scores, positive } of classes) {
    const area = auroc(scores, positive);
    if (Number.isNaN(area)) continue;
    seen++;
    sum += area;
  }
  return sum / seen;
}

/** A document that answers a query: its place among the documents, and how well it answers (more than 0). */
export interface Relevant {
  readonly document: number;
  readonly grade: number;
}

/** A relevant document's rank for its query, from 1. */
export interface Ranked {
  readonly rank: number;
  readonly grade: number;
}

/**
 * Ranks of the relevant documents when all are sorted by falling score. Among equal scores the less relevant come
 * first, so that a model that scores everything alike gains nothing, and the order of the file does not matter.
 * @param scores of every document for one query; -Infinity for one without a usable embedding, never NaN
 * @param relevant each document at most once
 */
export function ranksOf(scores: Numbers, relevant: readonly Relevant[]): Ranked[] {
  return relevant.map(({ document, grade }, i) => {
    const score = scores[document]!;
    let rank = 0; // of the last document with this score
    for (let d = 0; d < scores.length; d++) if (scores[d]! >= score) rank++;
    relevant.forEach((other, j) => {
      const after = other.grade > grade || (other.grade === grade && j > i);
      if (after && scores[other.document] === score) rank--;
    });
    return { rank, grade };
  });
}

/**
 * Normalized discounted cumulative gain of one query: sum over ranks up to k of grade / log2(rank + 1), divided by
 * that of the best order (Jarvelin and Kekalainen 2002; gain is the grade itself, as in trec_eval and scikit-learn).
 * In [0, 1]; NaN without a relevant document.
 */
export function ndcgAt(k: number, ranked: readonly Ranked[]): number {
  const best = ranked.map(({ grade }) => grade).sort((a, b) => b - a);
  const ideal = best.slice(0, k).reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0);
  const gained = ranked.reduce((sum, { rank, grade }) => sum + (rank <= k ? grade / Math.log2(rank + 1) : 0), 0);
  return gained / ideal;
}

/** Share of a query's relevant documents that are among the first k; NaN without one. */
export function recallAt(k: number, ranked: readonly Ranked[]): number {
  return ranked.filter(({ rank }) => rank <= k).length / ranked.length;
}

/** 1 / rank of a query's first relevant document, 0 where that is beyond k (Voorhees 1999); its mean over queries is MRR@k. */
export function reciprocalRankAt(k: number, ranked: readonly Ranked[]): number {
  const first = ranked.reduce((least, { rank }) => Math.min(least, rank), Infinity);
  return first <= k ? 1 / first : 0;
}
