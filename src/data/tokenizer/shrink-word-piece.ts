// WordPiece with fewer tokens: the longest match stays the longest while it is kept.
import { isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import { oneOf, keptEntries, tokensOf, type Shrinker } from './shrinker.ts';

export function shrinkWordPiece(model: JsonObject): Shrinker {
  const prefix = stringField(model, 'continuing_subword_prefix') ?? '##';
  const vocabulary = isJsonObject(model['vocab']) ? model['vocab'] : {};
  return {
    kind: 'WordPiece',
    tokens: tokensOf(vocabulary),
    unknown: stringField(model, 'unk_token') ?? '[UNK]',
    characterOf: (token) => oneOf(token) ?? (token.startsWith(prefix) ? oneOf(token.slice(prefix.length)) : undefined),
    onTheWay: () => [],
    shrink: (kept) => ({ ...model, vocab: keptEntries(vocabulary, kept) }),
  };
}
