// Token sequences as one padded batch, in the order they are given.
import type { Encoding } from '../data/tokenizer/tokenizer.ts';
import type { PaddedBatch } from './goal.ts';

export interface PadOptions {
  readonly padId: number;
  readonly padSide: 'left' | 'right';
  /** Tokens that the model's input always has. */
  readonly fixedSequence?: number | undefined;
}

/** Pads to the longest sequence, or to the fixed length. */
export function padSequences(sequences: readonly Encoding[], options: PadOptions): PaddedBatch {
  const size = sequences.length;
  const sequence = options.fixedSequence ?? Math.max(...sequences.map(({ ids }) => ids.length));
  const ids = new Int32Array(size * sequence).fill(options.padId);
  const mask = new Uint8Array(size * sequence);
  const segments = new Uint8Array(size * sequence);
  const starts = new Int32Array(size);
  sequences.forEach((one, row) => {
    starts[row] = options.padSide === 'left' ? sequence - one.ids.length : 0;
    const at = row * sequence + starts[row]!;
    ids.set(one.ids, at);
    segments.set(one.segments, at);
    mask.fill(1, at, at + one.ids.length);
  });
  return { size, sequence, ids, mask, segments, starts };
}
