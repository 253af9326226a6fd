// Unigram with fewer pieces: the best segmentation stays the best while its pieces are kept.
import { DataError } from '../../errors.ts';
import { integerField, type JsonObject } from '../json-file.ts';
import { isByte, oneOf, type Shrinker } from './shrinker.ts';

type Piece = readonly [token: string, score: number];

/** Pieces stand in the order of their numbers, each with its log probability. */
export function shrinkUnigram(model: JsonObject): Shrinker {
  const pieces = Array.isArray(model['vocab']) ? model['vocab'].map(pieceOf) : [];
  const unknown = integerField(model, 'unk_id');
  const tokens = new Map(pieces.map(([token], id) => [token, id]));
  const least = leastLikely(pieces);
  return {
    kind: 'Unigram',
    tokens,
    unknown: unknown === undefined ? undefined : pieces[unknown]?.[0],
    characterOf: (token) => oneOf(token) ?? (model['byte_fallback'] === true && isByte(token) ? '' : undefined),
    onTheWay: () => least,
    shrink: (kept) => ({
      ...model,
      ...(unknown === undefined ? {} : { unk_id: kept.get(unknown) }),
      vocab: pieces.filter((_, id) => kept.has(id)),
    }),
  };
}

/**
 * The penalty of an unknown character is the least score less 10 (tokenizers, models/unigram/model.rs): without the piece
 * that has it, unknown characters would weigh less against pieces that go around them.
 */
function leastLikely(pieces: readonly Piece[]): number[] {
  let [least, leastScore] = [0, Infinity];
  pieces.forEach(([, score], id) => {
    if (score < leastScore) [least, leastScore] = [id, score];
  });
  return pieces.length === 0 ? [] : [least];
}

function pieceOf(piece: unknown): Piece {
  const [token, score]: unknown[] = Array.isArray(piece) ? piece : [];
  if (typeof token !== 'string' || typeof score !== 'number')
    throw new DataError(`tokenizer.json: expected pieces with a score each, found ${JSON.stringify(piece)}`);
  return [token, score];
}
