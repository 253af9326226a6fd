// How many numbers of a matrix become zero, and which: the smallest by a score, exactly counted.

/** A share of all numbers, or at most `keep` numbers other than zero in each group of `of` neighbours of a row (N:M). */
export type Amount = { readonly share: number } | { readonly keep: number; readonly of: number };

/** How many of the first `count` numbers become zero, so that parts of a matrix sum up to the share of the whole. */
export function quota(share: number, count: number): number {
  return Math.round(share * count);
}

/** Marks the `count` smallest of scores[from], …, scores[to - 1] with 1; of equal ones the first. */
export function markSmallest(
  scores: Float64Array,
  count: number,
  marks: Uint8Array,
  from = 0,
  to = scores.length,
): void {
  if (count <= 0) return;
  const bound = scores.slice(from, to).sort()[Math.min(count, to - from) - 1]!;
  let below = 0;
  for (let i = from; i < to; i++) if (scores[i]! < bound) below++;
  let equal = count - below;
  for (let i = from; i < to; i++) if (scores[i]! < bound || (scores[i] === bound && equal-- > 0)) marks[i] = 1;
}

/**
 * Marks what becomes zero in a matrix of scores [rows, columns].
 * @param within where a share is compared: within each row (Wanda), or within the matrix; N:M is by groups in any case
 */
export function markMatrix(
  scores: Float64Array,
  rows: number,
  columns: number,
  amount: Amount,
  within: 'row' | 'matrix',
): Uint8Array {
  const marks = new Uint8Array(scores.length);
  const mark = (from: number, to: number, count: number): void => markSmallest(scores, count, marks, from, to);
  if ('of' in amount) {
    for (let at = 0; at < scores.length; at += amount.of) mark(at, at + amount.of, amount.of - amount.keep);
  } else if (within === 'matrix') {
    mark(0, scores.length, quota(amount.share, scores.length));
  } else {
    for (let row = 0; row < rows; row++) {
      const [from, to] = [row * columns, (row + 1) * columns];
      mark(from, to, quota(amount.share, to) - quota(amount.share, from));
    }
  }
  return marks;
}
