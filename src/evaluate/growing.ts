// Typed arrays that grow: what is kept of every row without knowing how many there will be.

type Numbers = Float64Array | Float32Array | Int32Array | Uint8Array;

/** Numbers appended one by one or by the vector; `finish` gives exactly those. */
export class Growing<A extends Numbers> {
  readonly #make: new (length: number) => A;
  #data: A;
  #length = 0;

  constructor(make: new (length: number) => A) {
    this.#make = make;
    this.#data = new make(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    this.#reserve(1);
    this.#data[this.#length++] = value;
  }

  append(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#data.set(values, this.#length);
    this.#length += values.length;
  }

  finish(): A {
    return this.#data.subarray(0, this.#length) as A;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#data.length) return;
    const larger = new this.#make(Math.max(2 * this.#data.length, this.#length + more));
    larger.set(this.#data);
    this.#data = larger;
  }
}
