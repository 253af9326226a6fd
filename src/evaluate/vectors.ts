// A growing table of output vectors that stops keeping them at a limit, so that memory does not follow the data.
import { ModelError } from '../errors.ts';
import type { Vectors } from './task.ts';

/** 64 MiB of float32: 40,000 embeddings of 384. */
const mostNumbers = 1 << 24;

export class VectorTable {
  readonly #wanted: number;
  #vectors: Vectors = { width: 0, rows: 0, data: new Float32Array(0) };

  /** @param rows how many vectors there will be */
  constructor(rows: number) {
    this.#wanted = rows;
  }

  /**
   * Keeps a vector, copied, unless its row lies beyond the limit.
   * @throws ModelError where its width is not that of the vectors before
   */
  set(row: number, vector: Float32Array): void {
    if (this.#vectors.rows === 0) this.#vectors = emptyVectors(this.#wanted, vector.length);
    const { width, rows, data } = this.#vectors;
    if (vector.length !== width) {
      throw new ModelError(`output: expected rows of ${width} numbers as before, found ${vector.length}`);
    }
    if (row < rows) data.set(vector, row * width);
  }

  finish(): Vectors {
    return this.#vectors;
  }
}

function emptyVectors(wanted: number, width: number): Vectors {
  const rows = Math.min(wanted, Math.floor(mostNumbers / Math.max(1, width)));
  return { width, rows, data: new Float32Array(rows * width) };
}
