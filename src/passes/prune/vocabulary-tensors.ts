// Tensors with fewer tokens: the kept rows or columns of a table, and constants of token numbers under their new ones.
import { byteLengthOf } from '../../ir/dtype.ts';
import { int64s, memoryTensor, readInto, streamedTensor, type Tensor } from '../../ir/tensor.ts';
import { elementCount } from '../../ir/tensor.ts';
import { pick } from '../structure/pick.ts';
import type { TokenConstant } from './vocabulary-ids.ts';

/** The kept slices of a tensor along an axis from the end; rows are read one run after the other, so that a table is never held whole. */
export function keepSlices(tensor: Tensor, axis: number, kept: ArrayLike<number>): Tensor {
  const at = tensor.shape.length + axis;
  if (at > 0) return pick(tensor, at, Array.from(kept));
  const width = byteLengthOf(tensor.dtype, elementCount(tensor.shape.slice(1)));
  return streamedTensor(tensor.dtype, tensor.shape.with(0, kept.length), (into, offset) => {
    const whole = tensor.readInto ? tensor : memoryTensor(tensor.dtype, tensor.shape, tensor.bytes());
    for (let done = 0; done < into.length;) {
      const row = Math.floor((offset + done) / width);
      let last = row;
      // rows that stood side by side are read at once
      while ((last + 1) * width < offset + into.length && kept[last + 1] === kept[last]! + 1) last++;
      const from = (offset + done) % width;
      const length = Math.min((last + 1 - row) * width - from, into.length - done);
      readInto(whole, into.subarray(done, done + length), kept[row]! * width + from);
      done += length;
    }
  });
}

/** New numbers of tokens. Kept ones are numbered in their old order. */
export class Numbering {
  readonly #kept: ArrayLike<number>;
  readonly #rows: number;
  /** How many kept tokens have a smaller number, by old number; one more entry than rows. */
  readonly #below: Int32Array;

  /** @param kept old numbers, ascending @param rows of the table */
  constructor(kept: ArrayLike<number>, rows: number) {
    this.#kept = kept;
    this.#rows = rows;
    this.#below = new Int32Array(rows + 1);
    for (let id = 0, next = 0; id <= rows; id++) {
      this.#below[id] = next;
      if (kept[next] === id) next++;
    }
  }

  /** The constant that says of new numbers what `constant` says of old ones. */
  renumbered({ numbers, shape, dtype, relation }: TokenConstant): Tensor {
    const values = numbers.map((number) => this.#renumber(number, relation));
    return dtype === 'int64' ? int64s(shape, values) : memoryTensor('int32', shape, Int32Array.from(values));
  }

  #renumber(number: number, relation: TokenConstant['relation']): number {
    const bounded = (id: number): number => this.#below[Math.max(0, Math.min(id, this.#rows))]!;
    if (relation === 'below') return bounded(number);
    if (relation === 'notAbove') return bounded(number + 1) - 1;
    const id = relation === 'row' && number < 0 ? number + this.#rows : number;
    // a number that is no token equals none before and after
    if (id < 0) return id;
    return id >= this.#rows ? id : this.#kept[bounded(id)] === id ? bounded(id) : -1;
  }
}
