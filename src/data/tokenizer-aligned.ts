// A text that changed on its way to the tokenizer and still knows where each of its characters came from.

/** starts[i], ends[i]: where the character of UTF-16 unit i of `text` stood in the original, in UTF-16 units. */
export interface Aligned {
  readonly text: string;
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
}

/** A text as it is: each character stands where it stands, both units of a pair where the pair does. */
export function identity(text: string): Aligned {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const width = text.codePointAt(i)! > 0xffff ? 2 : 1;
    starts.fill(i, i, i + width);
    ends.fill(i + width, i, i + width);
    i += width - 1;
  }
  return { text, starts, ends };
}

/** A part of a text. */
export function sliceAligned({ text, starts, ends }: Aligned, begin: number, end: number): Aligned {
  const part = (places: ArrayLike<number>): number[] => Array.prototype.slice.call(places, begin, end);
  return { text: text.slice(begin, end), starts: part(starts), ends: part(ends) };
}

/** Puts a text together piece by piece, each piece with the place in the original that it came from. */
export class AlignedBuilder {
  #text = '';
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** @param piece one or more characters that came from [start, end) of the original */
  put(piece: string, start: number, end: number): void {
    this.#text += piece;
    for (let i = 0; i < piece.length; i++) {
      this.#starts.push(start);
      this.#ends.push(end);
    }
  }

  done(): Aligned {
    return { text: this.#text, starts: this.#starts, ends: this.#ends };
  }
}
