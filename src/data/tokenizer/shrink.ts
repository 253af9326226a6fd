// A tokenizer.json with fewer tokens: kinds of models, what must stay, and the numbers everywhere in the file.
import { DataError } from '../../errors.ts';
import { integerField, isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import { shrinkBpe } from './shrink-bpe.ts';
import { shrinkUnigram } from './shrink-unigram.ts';
import { shrinkWordPiece } from './shrink-word-piece.ts';
import type { Kept, Shrinker } from './shrinker.ts';

/** @throws DataError for a kind of model whose tokens cannot be taken out */
export function shrinkerOf(json: JsonObject): Shrinker {
  const model = isJsonObject(json['model']) ? json['model'] : {};
  const { type, vocab, merges, continuing_subword_prefix: prefix } = model;
  // files before tokenizers 0.20 do not always name the type
  if (type === 'Unigram' || (type === undefined && Array.isArray(vocab))) return shrinkUnigram(model);
  if (type === 'BPE' || (type === undefined && merges !== undefined)) return shrinkBpe(model);
  if (type === 'WordPiece' || (type === undefined && prefix !== undefined)) return shrinkWordPiece(model);
  throw new DataError(`tokenizer.json: expected a model of WordPiece, BPE or Unigram, found ${String(type ?? 'none')}`);
}

/** All tokens of a tokenizer.json by number, added ones too. */
export function allTokens(json: JsonObject, { tokens }: Shrinker): Map<number, string> {
  const all = new Map([...tokens].map(([token, id]) => [id, token]));
  for (const token of addedOf(json)) {
    const id = integerField(token, 'id');
    if (id !== undefined) all.set(id, stringField(token, 'content') ?? '');
  }
  return all;
}

/** Numbers that tokenizer.json names itself: added tokens, the unknown one, those of the post-processor and of padding. */
export function namedTokens(json: JsonObject, shrinker: Shrinker): Set<number> {
  const named = new Set<number>();
  const note = (id: number): number => (named.add(id), id);
  renumberedAdded(json, note);
  renumberedProcessor(json['post_processor'], note);
  renumberedPadding(json['padding'], note);
  const unknown = shrinker.tokens.get(shrinker.unknown ?? '');
  if (unknown !== undefined) named.add(unknown);
  return named;
}

/** tokenizer.json with the kept tokens only, numbered anew. Throws RangeError where one that it names is not kept (a bug). */
export function shrinkTokenizer(json: JsonObject, shrinker: Shrinker, kept: Kept): JsonObject {
  const to = (id: number): number => {
    const now = kept.get(id);
    if (now === undefined) throw new RangeError(`token ${id} is named in tokenizer.json and was not kept`);
    return now;
  };
  return {
    ...json,
    added_tokens: renumberedAdded(json, to),
    post_processor: renumberedProcessor(json['post_processor'], to),
    padding: renumberedPadding(json['padding'], to),
    model: shrinker.shrink(kept),
  };
}

type Renumber = (id: number) => number;

function addedOf(json: JsonObject): JsonObject[] {
  return Array.isArray(json['added_tokens']) ? json['added_tokens'].filter(isJsonObject) : [];
}

function renumberedAdded(json: JsonObject, to: Renumber): JsonObject[] {
  return addedOf(json).map((token) => {
    const id = integerField(token, 'id');
    return id === undefined ? token : { ...token, id: to(id) };
  });
}

function renumberedPadding(padding: unknown, to: Renumber): unknown {
  const id = isJsonObject(padding) ? integerField(padding, 'pad_id') : undefined;
  return isJsonObject(padding) && id !== undefined ? { ...padding, pad_id: to(id) } : (padding ?? null);
}

/** BertProcessing and RobertaProcessing have ["[SEP]", 102]; templates a list of numbers a token; sequences processors. */
function renumberedProcessor(processor: unknown, to: Renumber): unknown {
  if (!isJsonObject(processor)) return processor ?? null;
  const out: Record<string, unknown> = { ...processor };
  for (const field of ['sep', 'cls']) {
    const pair: unknown = processor[field];
    if (Array.isArray(pair) && typeof pair[1] === 'number') out[field] = [pair[0], to(pair[1])];
  }
  if (Array.isArray(processor['processors']))
    out['processors'] = processor['processors'].map((one) => renumberedProcessor(one, to));
  const specials = processor['special_tokens'];
  if (isJsonObject(specials))
    out['special_tokens'] = Object.fromEntries(
      Object.entries(specials).map(([name, token]) => [name, renumberedSpecial(token, to)]),
    );
  return out;
}

function renumberedSpecial(token: unknown, to: Renumber): unknown {
  if (!isJsonObject(token) || !Array.isArray(token['ids'])) return token;
  return { ...token, ids: token['ids'].map((id: unknown) => (typeof id === 'number' ? to(id) : id)) };
}
