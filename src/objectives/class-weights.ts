// Class weights that make rare classes count as much as frequent ones.

/**
 * rows / (classes x rows of the class), as scikit-learn's 'balanced'; 1 for a class without a row.
 * @param counts rows of each class
 */
export function balancedWeights(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (count === 0 ? 1 : total / (counts.length * count)));
}

/**
 * Of a class among labels that are set independently: rows without it / rows with it (PyTorch's pos_weight); 1 for a
 * class without a row.
 */
export function positiveWeights(counts: readonly number[], rows: number): number[] {
  return counts.map((count) => (count === 0 ? 1 : (rows - count) / count));
}
