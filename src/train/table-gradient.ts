// The gradient of a table as onnxruntime gives it, rows with an index each, added up by row.
import type { HostTensor } from '../ir/host-tensor.ts';

/** Sums of gradient rows. Adding is in the order in which rows come, so that sums are the same every time. */
export class TableGradient {
  readonly #width: number;
  readonly #places = new Map<number, number>();
  #sums: Float32Array;

  constructor(width: number) {
    this.#width = width;
    this.#sums = new Float32Array(width * 64);
  }

  /** Rows of the table that have a gradient, in the order they came first. */
  get rows(): readonly number[] {
    return [...this.#places.keys()];
  }

  /** Their gradients, row-major. */
  get sums(): Float32Array {
    return this.#sums.subarray(0, this.#places.size * this.#width);
  }

  /**
   * @param indices int64 [n], negative ones counted from the end of `height` rows, as Gather does
   * @param rows float32 [n, width]
   */
  add(indices: HostTensor, rows: HostTensor, height: number): void {
    const { data } = rows;
    if (!(data instanceof Float32Array)) throw new TypeError(`gradient rows: expected float32, found ${rows.dtype}`);
    for (let i = 0; i < indices.data.length; i++) {
      const index = Number(indices.data[i]);
      const to = this.#placeOf(index < 0 ? index + height : index) * this.#width;
      const from = i * this.#width;
      for (let j = 0; j < this.#width; j++) this.#sums[to + j]! += data[from + j]!;
    }
  }

  clear(): void {
    this.sums.fill(0);
    this.#places.clear();
  }

  #placeOf(row: number): number {
    let place = this.#places.get(row);
    if (place === undefined) {
      this.#places.set(row, (place = this.#places.size));
      if ((place + 1) * this.#width > this.#sums.length) {
        const larger = new Float32Array(this.#sums.length * 2);
        larger.set(this.#sums);
        this.#sums = larger;
      }
    }
    return place;
  }
}
