// SparseGPT: zeros chosen column block by column block, what they did to the outputs made good in the columns to the right.
import { inverseFactor } from './inverse-factor.ts';
import { markSmallest, quota, type Amount } from './sparsity.ts';
import { subtractRows } from './subtract-rows.ts';

/** Share of the mean of H's diagonal that is added to it (Frantar & Alistarh 2023, section 4). */
const DAMPING = 0.01;
/** Columns whose zeros are chosen together and whose updates of the columns behind them wait for each other. */
const BLOCK = 128;

/** What the solver needs of H = X^T X. */
export interface DampedFactor {
  /** Upper triangular U [size, size] with U^T U = (H + damping I)^-1. */
  readonly factor: Float64Array;
  /** As a share of the mean of H's diagonal. */
  readonly damping: number;
}

/**
 * Factor of a Gram matrix, with ten times the damping again and again until float64 can invert it.
 * @param gram H [size, size], symmetric; untouched
 * @returns undefined where H is zero or not finite
 */
export function dampedFactor(gram: Float64Array, size: number): DampedFactor | undefined {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * (size + 1)]!;
  if (!(trace > 0 && trace < Infinity)) return undefined;
  for (let damping = DAMPING; damping <= 10; damping *= 10) {
    const damped = gram.slice();
    for (let i = 0; i < size; i++) damped[i * (size + 1)]! += (damping * trace) / size;
    const factor = inverseFactor(damped, size);
    if (factor) return { factor, damping };
  }
  return undefined;
}

/**
 * Prune a matrix in place so that ||X W^T - X W'^T|| stays small (Frantar & Alistarh 2023, algorithm 1). A number's score is
 * w^2 / U_jj^2; when it becomes zero, the numbers to its right in its row lose w / U_jj times U's row j. Scores are taken when
 * a block begins (N:M: when a group begins), after all updates from the left.
 * @param weights [rows, columns], columns being the inputs
 * @param factor U [columns, columns]
 */
export function sparseGpt(
  weights: Float64Array,
  rows: number,
  columns: number,
  factor: Float64Array,
  amount: Amount,
  block = BLOCK,
): void {
  const size = 'of' in amount ? Math.ceil(block / amount.of) * amount.of : block;
  for (let from = 0; from < columns; from += size) {
    const width = Math.min(size, columns - from);
    const solver: Block = { weights, columns, factor, from, width, marks: new Uint8Array(rows * width) };
    if ('share' in amount) markBlock(solver, rows, amount.share);
    const errors = new Float64Array(width);
    for (let row = 0; row < rows; row++) {
      if ('of' in amount)
        for (let at = 0; at < width; at += amount.of) {
          markGroup(solver, row, at, amount);
          pruneRow(solver, row, at, Math.min(width, at + amount.of), errors);
        }
      else pruneRow(solver, row, 0, width, errors);
      const to = from + width;
      subtractRows(weights, row * columns + to, columns - to, errors, width, factor, from * columns + to, columns);
    }
  }
}

/** Columns from, …, from + width - 1 of a matrix. */
interface Block {
  readonly weights: Float64Array;
  readonly columns: number;
  readonly factor: Float64Array;
  readonly from: number;
  readonly width: number;
  /** [rows, width]: 1 where a number becomes zero. */
  readonly marks: Uint8Array;
}

function score({ weights, columns, factor, from }: Block, row: number, j: number): number {
  return (weights[row * columns + from + j]! / factor[(from + j) * (columns + 1)]!) ** 2;
}

/** The block's part of the share, over all rows. */
function markBlock(block: Block, rows: number, share: number): void {
  const { from, width, marks } = block;
  const scores = new Float64Array(rows * width);
  for (let i = 0; i < scores.length; i++) scores[i] = score(block, Math.floor(i / width), i % width);
  markSmallest(scores, quota(share, rows * (from + width)) - quota(share, rows * from), marks);
}

function markGroup(block: Block, row: number, at: number, { keep, of }: { keep: number; of: number }): void {
  const { width, marks } = block;
  const scores = Float64Array.from({ length: of }, (_, k) => score(block, row, at + k));
  const group = marks.subarray(row * width + at, row * width + at + of);
  markSmallest(scores, of - keep, group);
}

/** Columns at, …, end - 1 of the block in a row, and what follows from them within the block. */
function pruneRow(block: Block, row: number, at: number, end: number, errors: Float64Array): void {
  const { weights, columns, factor, from, width, marks } = block;
  for (let j = at; j < end; j++) {
    errors[j] = 0;
    if (marks[row * width + j] === 0) continue;
    const own = row * columns + from;
    const diagonal = (from + j) * columns + from;
    const error = weights[own + j]! / factor[diagonal + j]!;
    errors[j] = error;
    weights[own + j] = 0;
    if (error !== 0) for (let k = j + 1; k < width; k++) weights[own + k]! -= error * factor[diagonal + k]!;
  }
}
