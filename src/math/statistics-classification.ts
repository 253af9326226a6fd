// Classification metrics from a confusion matrix: accuracy, F1 and Matthews correlation, for any number of classes.

/**
 * Counts of (gold, predicted) pairs. A prediction outside [0, classes) is none of the classes and always wrong:
 * it is counted in `missed`, which belongs to the row sum of its gold class and to no column.
 */
export interface Confusion {
  readonly classes: number;
  /** Row-major [gold, predicted]; weighted counts. */
  readonly counts: Float64Array;
  /** [gold]: rows whose prediction is none of the classes. */
  readonly missed: Float64Array;
}

/**
 * Counts pairs of gold and predicted class ids.
 * @param weights how often each row counts, as a bootstrap resample needs; once each when left out
 */
export function confusion(
  gold: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
  weights?: ArrayLike<number>,
): Confusion {
  const counts = new Float64Array(classes * classes);
  const missed = new Float64Array(classes);
  for (let i = 0; i < gold.length; i++) {
    const weight = weights?.[i] ?? 1;
    const guess = predicted[i]!;
    if (guess >= 0 && guess < classes) counts[gold[i]! * classes + guess]! += weight;
    else missed[gold[i]!]! += weight;
  }
  return { classes, counts, missed };
}

/** Share of correct rows in [0, 1]; NaN without rows. */
export function accuracy(matrix: Confusion): number {
  const { correct, total } = margins(matrix);
  return correct / total;
}

/**
 * Mean of the classes' F1 over the classes that occur as gold or as prediction, a class without a correct row
 * counting 0 (scikit-learn's f1_score with average='macro', zero_division=0).
 */
export function macroF1(matrix: Confusion): number {
  const { gold, predicted } = margins(matrix);
  let sum = 0;
  let seen = 0;
  for (let c = 0; c < matrix.classes; c++) {
    const either = gold[c]! + predicted[c]!;
    if (either === 0) continue;
    seen++;
    sum += (2 * matrix.counts[c * matrix.classes + c]!) / either;
  }
  return sum / seen;
}

/**
 * Mean of the classes' recall over the classes that occur as gold (scikit-learn's balanced_accuracy_score; its
 * recall_score with average='macro' counts a class that is only predicted as 0 as well). NaN without rows.
 */
export function macroRecall(matrix: Confusion): number {
  const { gold } = margins(matrix);
  let sum = 0;
  let seen = 0;
  for (let c = 0; c < matrix.classes; c++) {
    if (gold[c] === 0) continue;
    seen++;
    sum += matrix.counts[c * matrix.classes + c]! / gold[c]!;
  }
  return sum / seen;
}

/** F1 over all rows at once, 2 TP / (2 TP + FP + FN); equals accuracy where every row has a prediction. */
export function microF1(matrix: Confusion): number {
  const { gold, predicted, correct } = margins(matrix);
  const either = sum(gold) + sum(predicted);
  return (2 * correct) / either;
}

/**
 * Matthews correlation for any number of classes, R_K of Gorodkin 2004 as scikit-learn writes it:
 * (c s - sum p t) / sqrt((s^2 - sum p^2)(s^2 - sum t^2)); 0 where gold or predictions are constant.
 */
export function matthews(matrix: Confusion): number {
  const { gold, predicted, correct, total } = margins(matrix);
  const none = total - sum(predicted);
  let both = 0;
  let predictedSquares = none * none;
  let goldSquares = 0;
  for (let c = 0; c < matrix.classes; c++) {
    both += gold[c]! * predicted[c]!;
    predictedSquares += predicted[c]! ** 2;
    goldSquares += gold[c]! ** 2;
  }
  const denominator = Math.sqrt((total * total - predictedSquares) * (total * total - goldSquares));
  return denominator === 0 ? 0 : (correct * total - both) / denominator;
}

interface Margins {
  readonly gold: Float64Array;
  readonly predicted: Float64Array;
  readonly correct: number;
  readonly total: number;
}

function margins({ classes, counts, missed }: Confusion): Margins {
  const gold = Float64Array.from(missed);
  const predicted = new Float64Array(classes);
  let correct = 0;
  for (let g = 0; g < classes; g++) {
    correct += counts[g * classes + g]!;
    for (let p = 0; p < classes; p++) {
      gold[g]! += counts[g * classes + p]!;
      predicted[p]! += counts[g * classes + p]!;
    }
  }
  return { gold, predicted, correct, total: sum(gold) };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
