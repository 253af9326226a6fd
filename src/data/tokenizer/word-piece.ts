// WordPiece: the longest token of the vocabulary that begins a word, again and again (tokenizers, models/wordpiece/mod.rs).
import { DataError } from '../../errors.ts';
import { integerField, isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import type { Pieces } from './pieces.ts';

/**
 * @param model the `model` object of tokenizer.json
 * @param tried told the tokens found in a word before the one that was missing, which made the word unknown
 * @throws Error for a vocabulary that is none; the result throws a DataError where the unknown token is wanted and missing
 */
export function wordPiece(model: JsonObject, tried?: (ids: readonly number[]) => void): (word: string) => Pieces {
  const vocabulary = new Map<string, number>();
  let longest = 0;
  for (const [token, id] of Object.entries(isJsonObject(model['vocab']) ? model['vocab'] : {})) {
    if (typeof id !== 'number') throw new Error(`a vocabulary whose token '${token}' has no number`);
    vocabulary.set(token, id);
    longest = Math.max(longest, token.length);
  }
  const prefix = stringField(model, 'continuing_subword_prefix') ?? '##';
  const most = integerField(model, 'max_input_chars_per_word') ?? 100;
  const name = stringField(model, 'unk_token') ?? '[UNK]';
  const unknown = vocabulary.get(name);
  const whole = (word: string): Pieces => {
    if (unknown === undefined) {
      throw new DataError(
        `tokenizer: expected the unknown token '${name}' for '${word}', found none in the vocabulary`,
      );
    }
    return { ids: [unknown], lengths: [word.length] };
  };
  return (word) => {
    if (word.length > most && [...word].length > most) return whole(word);
    const ids: number[] = [];
    const lengths: number[] = [];
    for (let at = 0; at < word.length;) {
      let length = Math.min(word.length - at, longest);
      let id: number | undefined;
      for (; length > 0; length--) {
        const piece = word.slice(at, at + length);
        id = vocabulary.get(at === 0 ? piece : prefix + piece);
        if (id !== undefined) break;
      }
      if (id === undefined) {
        tried?.(ids);
        return whole(word);
      }
      ids.push(id);
      lengths.push(length);
      at += length;
    }
    return { ids, lengths };
  };
}
