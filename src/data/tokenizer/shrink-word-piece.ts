// WordPiece with fewer tokens: the longest match stays the longest while it is kept.
import { isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import { isOne, keptEntries, tokensOf, type Shrinker } from './shrinker.ts';

export function shrinkWordPiece(model: JsonObject): Shrinker {
  const prefix = stringField(model, 'continuing_subword_prefix') ?? '##';
  const vocabulary = isJsonObject(model['vocab']) ? model['vocab'] : {};
  return {
    kind: 'WordPiece',
    tokens: tokensOf(vocabulary),
    unknown: stringField(model, 'unk_token') ?? '[UNK]',
    isCharacter: (token) => isOne(token) || (token.startsWith(prefix) && isOne(token.slice(prefix.length))),
    onTheWay: () => [],
    shrink: (kept) => ({ ...model, vocab: keptEntries(vocabulary, kept) }),
  };
}
