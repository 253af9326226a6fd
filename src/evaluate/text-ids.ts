// Numbers the different texts of a file, so that each is run once, without keeping the texts.
import { createHash } from 'node:crypto';

export interface TextId {
  /** From 0, in the order in which the texts appear. */
  readonly id: number;
  /** Line of the row in which the text appears first. */
  readonly line: number;
}

export class TextIds {
  /** By SHA-256 of the text: some hundred bytes a text, however long it is. */
  readonly #seen = new Map<string, TextId>();

  /** The number of a text; the same however often, and for whatever later row, it is asked for. */
  of(text: string, line: number): TextId {
    const key = createHash('sha256').update(text).digest('base64');
    let found = this.#seen.get(key);
    if (found === undefined) this.#seen.set(key, (found = { id: this.#seen.size, line }));
    return found;
  }
}
