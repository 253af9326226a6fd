// Typed arrays that grow: what is kept of every row without knowing how many there will be.

type Numbers = Float64Array | Float32Array | Int32Array | Uint8Array;

/** Numbers of a piece: small against what is kept, large against what a piece costs. */
const PIECE = 8192;

/**
 * Numbers appended one by one or by the vector; `finish` gives exactly those. They are kept in pieces: an array that doubles is copied
 * over and over, and is half empty in between.
 */
export class Growing<A extends Numbers> {
  readonly #make: new (length: number) => A;
  readonly #pieces: A[] = [];
  #whole: A | undefined;
  #length = 0;

  constructor(make: new (length: number) => A) {
    this.#make = make;
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const at = this.#length++ % PIECE;
    if (at === 0) this.#pieces.push(new this.#make(PIECE));
    this.#pieces.at(-1)![at] = value;
  }

  append(values: ArrayLike<number>): void {
    for (let from = 0; from < values.length;) {
      const at = this.#length % PIECE;
      if (at === 0) this.#pieces.push(new this.#make(PIECE));
      const part = Array.prototype.slice.call(values, from, from + PIECE - at);
      this.#pieces.at(-1)!.set(part, at);
      from += part.length;
      this.#length += part.length;
    }
  }

  /** Pieces are let go of as they are copied; the same array at every call. Nothing can be appended after it. */
  finish(): A {
    if (this.#whole) return this.#whole;
    const whole = new this.#make(this.#length);
    for (let from = 0; from < this.#length; from += PIECE)
      whole.set(this.#pieces.shift()!.subarray(0, this.#length - from), from);
    return (this.#whole = whole);
  }
}
