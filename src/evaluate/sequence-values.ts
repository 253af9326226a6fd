// The part of a batch's output that belongs to one sequence, without its padding.
import type { Batch } from '../data/batches.ts';
import { ModelError } from '../errors.ts';
import type { HostTensor } from '../runtime/session.ts';
import { toFloat32, type ChosenOutput } from './outputs.ts';

/** One output of one sequence: [tokens, width] row-major where it has a row a token, else a single vector. */
export interface SequenceValues {
  readonly name: string;
  readonly data: Float32Array;
  /** Tokens, special ones counted; 0 for a single vector. */
  readonly tokens: number;
  readonly width: number;
}

/**
 * A function that cuts row `i` of a batch's output out of it.
 * Shapes [batch, width] and [batch, sequence, width]; of an output that is read by token, [batch, sequence] is width 1.
 * @throws ModelError for any other shape
 */
export function slicer(
  { name, per }: ChosenOutput,
  batch: Batch,
  value: HostTensor,
  padSide: 'left' | 'right',
): (i: number, length: number) => SequenceValues {
  const [rows, second = 0, third] = value.dims;
  const byToken = third !== undefined || per === 'token';
  const fits = value.dims.length === 2 || (value.dims.length === 3 && per !== 'sequence');
  if (rows !== batch.size || !fits || (byToken && second !== batch.sequence)) {
    const expected = [
      ...(per === 'token' ? [] : [`[${batch.size}, width]`]),
      ...(per === 'sequence' ? [] : [`[${batch.size}, ${batch.sequence}, width]`]),
    ].join(' or ');
    throw new ModelError(`output '${name}': expected ${expected}, found [${value.dims.join(', ')}]`);
  }
  const data = toFloat32(name, value);
  if (!byToken) {
    return (i) => ({ name, data: data.subarray(i * second, (i + 1) * second), tokens: 0, width: second });
  }
  const width = third ?? 1;
  return (i, tokens) => {
    const first = i * batch.sequence + (padSide === 'left' ? batch.sequence - tokens : 0);
    return { name, data: data.subarray(first * width, (first + tokens) * width), tokens, width };
  };
}

/** The values with column `columns[i]` at place i; as they are where their width is another. */
export function inOrder(values: SequenceValues, columns: readonly number[] | undefined): SequenceValues {
  const { data, width } = values;
  if (columns === undefined || columns.length !== width) return values;
  return { ...values, data: data.map((_, i) => data[i - (i % width) + columns[i % width]!]!) };
}
