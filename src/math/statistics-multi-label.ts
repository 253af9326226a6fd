// Metrics of rows that may have several labels, from counts of labels found, invented and missed.

/** Labels that were found (true positives), invented (false positives) and missed (false negatives), by row or by label. */
export interface LabelCounts {
  readonly tp: ArrayLike<number>;
  readonly fp: ArrayLike<number>;
  readonly fn: ArrayLike<number>;
}

/**
 * F1 over all labels of all rows at once, 2 TP / (2 TP + FP + FN); NaN where there is no label, neither given nor found.
 * @param counts how often each row (or label) counts, as a resample needs; once each when left out
 */
export function microF1Of({ tp, fp, fn }: LabelCounts, counts?: ArrayLike<number>): number {
  let twice = 0;
  let either = 0;
  for (let i = 0; i < tp.length; i++) {
    const weight = counts?.[i] ?? 1;
    twice += weight * 2 * tp[i]!;
    either += weight * (2 * tp[i]! + fp[i]! + fn[i]!);
  }
  return twice / either;
}

/**
 * Mean of the labels' F1, over those that occur as gold or as prediction (scikit-learn's f1_score with
 * average='macro', zero_division=nan); NaN where none does.
 * @param counts by label
 */
export function macroF1Of({ tp, fp, fn }: LabelCounts): number {
  let sum = 0;
  let seen = 0;
  for (let label = 0; label < tp.length; label++) {
    const either = 2 * tp[label]! + fp[label]! + fn[label]!;
    if (either === 0) continue;
    seen++;
    sum += (2 * tp[label]!) / either;
  }
  return sum / seen;
}
