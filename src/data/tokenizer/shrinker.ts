// What taking tokens out of a tokenizer asks of each kind of model, and what the kinds share.
import { integerField, type JsonObject } from '../json-file.ts';

/** New numbers by old ones: of kept tokens only. */
export type Kept = ReadonlyMap<number, number>;

/** What the kinds of tokenizers do each in their own way. */
export interface Shrinker {
  readonly kind: 'WordPiece' | 'BPE' | 'Unigram';
  /** Numbers of the model's tokens. */
  readonly tokens: ReadonlyMap<string, number>;
  /** The unknown token, where there is one. */
  readonly unknown: string | undefined;
  /**
   * The character that this token alone is, undefined for any other; '' for a byte. Texts that the corpus does not have are
   * made of them.
   */
  characterOf(token: string): string | undefined;
  /** Numbers of tokens that must stay for this one to be found as before. */
  onTheWay(token: string): Iterable<number>;
  /** The `model` object with the kept tokens under their new numbers. */
  shrink(kept: Kept): JsonObject;
}

/** Numbers by token of a vocabulary that is an object. */
export function tokensOf(vocabulary: JsonObject): Map<string, number> {
  return new Map(
    Object.keys(vocabulary).flatMap((token) => {
      const id = integerField(vocabulary, token);
      return id === undefined ? [] : [[token, id] as const];
    }),
  );
}

/** A vocabulary that is an object with the kept tokens only, in the order of their numbers. */
export function keptEntries(vocabulary: JsonObject, kept: Kept): JsonObject {
  const entries = [...tokensOf(vocabulary)].flatMap(([token, id]) => {
    const to = kept.get(id);
    return to === undefined ? [] : [[token, to] as const];
  });
  return Object.fromEntries(entries.sort((a, b) => a[1] - b[1]));
}

/** The text where it is one code point. */
export function oneOf(text: string): string | undefined {
  return text.length > 0 && text.length === (text.codePointAt(0)! > 0xffff ? 2 : 1) ? text : undefined;
}

/** Bytes of characters without a piece. */
export function isByte(token: string): boolean {
  return /^<0x[0-9A-F]{2}>$/.test(token);
}
