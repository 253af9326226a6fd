// Variants of texts on disk, a JSON line each, read when they are wanted.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { DataError } from '../../errors.ts';
import { Growing } from '../../evaluate/growing.ts';
import { writing } from '../../system-errors.ts';
import type { Variant } from '../../objectives/augment.ts';

/** Bytes that are gathered before they are written, and read at once when a file is opened. */
const CHUNK = 1 << 20;
const NEWLINE = 10;

/** Writes all variants; how many there were. */
export async function writeVariants(path: string, variants: AsyncIterable<Variant>): Promise<number> {
  const file = writing(path, () => openSync(path, 'w'));
  let [count, pending] = [0, ''];
  const flush = (): void => {
    const bytes = Buffer.from(pending);
    writing(path, () => {
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    });
    pending = '';
  };
  try {
    for await (const { row, text } of variants) {
      pending += `${JSON.stringify([row, text.text, text.textPair])}\n`;
      count++;
      if (pending.length > CHUNK) flush();
    }
    flush();
    return count;
  } finally {
    closeSync(file);
  }
}

/** An open file of variants: memory follows their number by eight bytes each. */
export class VariantFile {
  readonly #path: string;
  readonly #file: number;
  readonly #ends: Float64Array;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'r');
    const ends = new Growing(Float64Array);
    const chunk = new Uint8Array(CHUNK);
    for (let from = 0, got; (got = readSync(this.#file, chunk, 0, CHUNK, from)) > 0; from += got)
      for (let at = chunk.indexOf(NEWLINE); at >= 0 && at < got; at = chunk.indexOf(NEWLINE, at + 1))
        ends.push(from + at + 1);
    this.#ends = ends.finish();
  }

  get length(): number {
    return this.#ends.length;
  }

  /** @throws DataError where the file was cut since it was opened */
  at(i: number): Variant {
    const from = i === 0 ? 0 : this.#ends[i - 1]!;
    const bytes = Buffer.alloc(this.#ends[i]! - from);
    for (let at = 0; at < bytes.length;) {
      const got = readSync(this.#file, bytes, at, bytes.length - at, from + at);
      if (got === 0) throw new DataError(`${this.#path}: expected variant ${i}, found the end of the file`);
      at += got;
    }
    // written by `writeVariants`
    const [row, text, textPair] = JSON.parse(bytes.toString()) as [number, string, string | null | undefined];
    return { row, text: { text, ...(textPair == null ? {} : { textPair }) } };
  }

  close(): void {
    closeSync(this.#file);
  }
}
