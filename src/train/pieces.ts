// A batch in pieces: rows that go through the graph together, and their share of what the whole batch's loss is a mean over.
import type { HostTensor } from '../ir/host-tensor.ts';
import type { Count, Share, TrainBatch } from './types.ts';

/** Tokens that go through the graph at once where nothing is said: what a layer computes of them stays in the caches. */
export const PIECE_TOKENS = 1024;

/** Rows of a batch, with the shares of the loss's means that are theirs. */
export interface Piece extends TrainBatch {
  /** Values of the inputs of `AppendedLoss.shares`. */
  readonly shares: Readonly<Record<string, HostTensor>>;
}

/**
 * The batch in pieces of rows as even as can be. Gradients of all pieces add up to those of the batch.
 * @param count how many pieces; 1 where the batch cannot be cut: an input that has not as many rows, or a multiple of them
 */
export function piecesOf(batch: TrainBatch, shares: readonly Share[], count: number): Piece[] {
  if (count <= 1 || !cuttable(batch)) return [{ ...batch, shares: sharesOf(batch, batch, shares) }];
  const size = Math.ceil(batch.rows / count);
  return Array.from({ length: Math.ceil(batch.rows / size) }, (_, i) => {
    const piece = rowsOf(batch, i * size, Math.min(batch.rows, (i + 1) * size));
    return { ...piece, shares: sharesOf(piece, batch, shares) };
  });
}

/** Rows. */
export const countRows: Count = ({ rows }) => rows;

/** Labels of an int64 input that are not below zero; each with its class's weight where there are some. */
export function countLabelled(input: string, weights?: readonly number[]): Count {
  return ({ feeds }) => sum(feeds, input, (label) => (label < 0 ? 0 : (weights?.[label] ?? 1)));
}

/** Ones in an input. */
export function countOnes(input: string): Count {
  return ({ feeds }) => sum(feeds, input, (value) => value);
}

/** Pairs of ones that are in a row of an input [rows, length]. */
export function countPairs(input: string): Count {
  return (batch) => {
    let pairs = 0;
    for (let row = 0; row < batch.rows; row++) pairs += countOnes(input)(rowsOf(batch, row, row + 1)) ** 2;
    return pairs;
  };
}

function sum(feeds: TrainBatch['feeds'], input: string, of: (value: number) => number): number {
  let total = 0;
  for (const value of feeds[input]?.data ?? []) total += of(Number(value));
  return total;
}

/** A batch that counts nothing has no loss: then any share is right. */
function sharesOf(piece: TrainBatch, batch: TrainBatch, shares: readonly Share[]): Piece['shares'] {
  const scalars = shares.map(({ input, count }) => {
    const whole = piece === batch ? 0 : count(batch);
    const share = whole === 0 ? 1 : count(piece) / whole;
    return [input, { dtype: 'float32' as const, dims: [], data: Float32Array.of(share) }] as const;
  });
  return Object.fromEntries(scalars);
}

function cuttable({ feeds, rows }: TrainBatch): boolean {
  return Object.values(feeds).every(({ dims: [size = 0] }) => size > 0 && size % rows === 0);
}

/** Rows of every input, without copies. */
function rowsOf({ feeds, rows }: TrainBatch, from: number, to: number): TrainBatch {
  const cut = ({ dtype, dims, data }: HostTensor): HostTensor => {
    const row = data.length / rows;
    return {
      dtype,
      dims: [(dims[0]! / rows) * (to - from), ...dims.slice(1)],
      data: data.subarray(from * row, to * row),
    };
  };
  return {
    feeds: Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, cut(tensor)])),
    rows: to - from,
  };
}
