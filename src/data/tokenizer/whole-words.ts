// Words in a text, and tokens of a vocabulary that are a word by themselves.
import type { Tokenizer } from './tokenizer.ts';
import { byteCharacters } from './words.ts';

/** A run of letters, digits and marks; a Chinese character for itself, as BERT has it. */
const word = /\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{N}\p{M}])+/gu;
const whole = new RegExp(`^(?:${word.source})$`, 'u');

export interface WordPlace {
  readonly begin: number;
  readonly end: number;
}

/** Where the words of a text stand, in UTF-16 units. */
export function wordsOf(text: string): WordPlace[] {
  return Array.from(text.matchAll(word), ({ 0: { length }, index }) => ({ begin: index, end: index + length }));
}

/** Ids of tokens that are a word by themselves, and the words as they stand in a text. */
export interface WholeWords {
  readonly ids: Int32Array;
  readonly words: readonly string[];
}

/**
 * A token of WordPiece that does not go on a word (`##`), or one of byte-level BPE and SentencePiece that begins one (`Ġ`, `▁`); no special tokens.
 * @param limit ids from here on are left out: those that a model has no score for
 */
export function wholeWords({ vocabularySize, specialIds, tokenOf }: Tokenizer, limit: number): WholeWords {
  const ids = Array.from({ length: Math.min(vocabularySize, limit) }, (_, id) => id).filter(
    (id) => !specialIds.has(id),
  );
  const tokens = ids.map((id) => tokenOf(id) ?? '');
  const mark = ['Ġ', '▁'].find((mark) => tokens.some((token) => token.startsWith(mark)));
  const wordOf = (token: string): string => {
    if (mark === undefined) return token;
    if (!token.startsWith(mark)) return '';
    return mark === 'Ġ' ? decoded(token.slice(1)) : token.slice(1);
  };
  const found = tokens.map(wordOf).flatMap((text, i) => (whole.test(text) ? [[ids[i]!, text] as const] : []));
  return { ids: Int32Array.from(found, ([id]) => id), words: found.map(([, text]) => text) };
}

const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]));

/** The text whose bytes the characters of a byte-level token stand for. */
function decoded(token: string): string {
  return Buffer.from(Array.from(token, (character) => byteOf.get(character) ?? 0)).toString('utf8');
}
