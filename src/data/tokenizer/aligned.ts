// A text that changed on its way to the tokenizer and still knows where each of its characters came from.

export type Places = readonly number[] | Int32Array;

/** starts[i], ends[i]: where the character of UTF-16 unit i of `text` stood in the original, in UTF-16 units. */
export interface Aligned {
  readonly text: string;
  readonly starts: Places;
  readonly ends: Places;
}

/** A text as it is: each character stands where it stands, both units of a pair where the pair does. */
export function identity(text: string): Aligned {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const pair = text.codePointAt(i)! > 0xffff;
    starts[i] = i;
    ends[i] = pair ? i + 2 : i + 1;
    if (!pair) continue;
    starts[i + 1] = i;
    ends[++i] = i + 1;
  }
  return { text, starts, ends };
}

/** A part of a text. */
export function sliceAligned(aligned: Aligned, begin: number, end: number): Aligned {
  const { text, starts, ends } = aligned;
  if (begin === 0 && end === text.length) return aligned;
  return { text: text.slice(begin, end), starts: slice(starts, begin, end), ends: slice(ends, begin, end) };
}

function slice(places: Places, begin: number, end: number): Places {
  return places instanceof Int32Array ? places.subarray(begin, end) : places.slice(begin, end);
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
