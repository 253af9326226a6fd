// Token rows in batches of similar length, padded to the longest of each batch or to a fixed shape.
import { DataError } from '../errors.ts';
import type { Encoding } from './tokenizer/tokenizer.ts';

export interface BatchOptions {
  /** Most rows in a batch; the number of rows of every batch where `fixedBatch` is given. */
  readonly batch: number;
  /** Rows that the model's input always has; missing ones are filled with copies of the last row. */
  readonly fixedBatch?: number | undefined;
  /** Tokens that the model's input always has. */
  readonly fixedSequence?: number | undefined;
  /** Most tokens in a batch, padding counted; a single row may have more. */
  readonly maxTokens?: number | undefined;
  /** Only rows of one length share a batch, so that nothing is padded: for a model that takes no mask. */
  readonly unpadded?: boolean | undefined;
  readonly padId: number;
  readonly padSide?: 'left' | 'right';
}

/** Padded rows, each array row-major [size, sequence]. */
export interface Batch {
  /** Which rows of the input these are; shorter than `size` where the rest is filling, whose outputs mean nothing. */
  readonly rows: Uint32Array;
  readonly size: number;
  readonly sequence: number;
  readonly ids: Int32Array;
  /** 1 for a token, 0 for padding. */
  readonly mask: Uint8Array;
  readonly segments: Uint8Array;
}

export interface Batches extends Iterable<Batch> {
  /** Number of batches. */
  readonly count: number;
  /** Number of rows in all of them. */
  readonly rows: number;
}

/**
 * Sorts rows by length, longest first (so that the first batch needs the most memory and a progress bar never slows
 * down), equal lengths in their own order, and cuts them into batches. Batches are made when asked for, every time anew.
 * @throws DataError for a row that is longer than the fixed sequence
 */
export function makeBatches(rows: readonly Encoding[], options: BatchOptions): Batches {
  const order = Uint32Array.from(rows.keys()).sort((a, b) => rows[b]!.ids.length - rows[a]!.ids.length || a - b);
  const size = options.fixedBatch ?? options.batch;
  const longest = order.length === 0 ? 0 : rows[order[0]!]!.ids.length;
  if (options.fixedSequence !== undefined && longest > options.fixedSequence) {
    throw new DataError(
      `row ${order[0]! + 1}: expected at most the ${options.fixedSequence} tokens of the model's fixed input, found ${longest}`,
    );
  }
  const batches = cut(order, rows, size, options);
  return {
    count: batches.length,
    rows: order.length,
    *[Symbol.iterator]() {
      for (const members of batches) yield fillBatch(rows, members, options);
    },
  };
}

/** Cuts the sorted rows into runs of at most `size` and `maxTokens`, where nothing may be padded at every change of length as well. */
function cut(
  order: Uint32Array,
  rows: readonly Encoding[],
  most: number,
  { unpadded, maxTokens = Infinity }: BatchOptions,
): Uint32Array[] {
  const batches: Uint32Array[] = [];
  for (let from = 0; from < order.length;) {
    const length = rows[order[from]!]!.ids.length;
    const size = Math.min(most, Math.max(1, Math.floor(maxTokens / length)));
    const fits = (row: number): boolean => unpadded !== true || rows[row]!.ids.length === length;
    let to = from + 1;
    while (to < order.length && to - from < size && fits(order[to]!)) to++;
    batches.push(order.subarray(from, to));
    from = to;
  }
  return batches;
}

function fillBatch(rows: readonly Encoding[], members: Uint32Array, options: BatchOptions): Batch {
  const size = options.fixedBatch ?? members.length;
  const sequence = options.fixedSequence ?? rows[members[0]!]!.ids.length;
  const ids = new Int32Array(size * sequence).fill(options.padId);
  const mask = new Uint8Array(size * sequence);
  const segments = new Uint8Array(size * sequence);
  for (let i = 0; i < size; i++) {
    const row = rows[members[Math.min(i, members.length - 1)]!]!;
    const at = i * sequence + (options.padSide === 'left' ? sequence - row.ids.length : 0);
    ids.set(row.ids, at);
    segments.set(row.segments, at);
    mask.fill(1, at, at + row.ids.length);
  }
  return { rows: members, size, sequence, ids, mask, segments };
}
