// BPE with fewer tokens: a kept token keeps what its merges pass on the way, so that each word is merged as before.
import { DataError } from '../../errors.ts';
import { isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import { isByte, oneOf, keptEntries, tokensOf, type Shrinker } from './shrinker.ts';

type Merge = readonly [left: string, right: string];

/**
 * Merges stay whose parts and result all stay. A word that ends in kept tokens is merged as before: within a token no merge
 * reaches over its border, so that its own merges are those of the token alone, in the same order; and no merge is new.
 */
export function shrinkBpe(model: JsonObject): Shrinker {
  const vocabulary = isJsonObject(model['vocab']) ? model['vocab'] : {};
  const tokens = tokensOf(vocabulary);
  const list: readonly unknown[] = Array.isArray(model['merges']) ? model['merges'] : [];
  const merges = list.map(mergeOf);
  const affixes = {
    prefix: stringField(model, 'continuing_subword_prefix') ?? '',
    suffix: stringField(model, 'end_of_word_suffix') ?? '',
  };
  const ranks = new Map(merges.map((merge, rank) => [merge.join(' '), rank]));
  const join = ([left, right]: Merge): string => left + right.slice(affixes.prefix.length);
  return {
    kind: 'BPE',
    tokens,
    unknown: stringField(model, 'unk_token'),
    // characters of byte-level BPE stand for bytes: all are needed
    characterOf: (token) =>
      oneOf(bare(token, affixes)) !== undefined || (model['byte_fallback'] === true && isByte(token)) ? '' : undefined,
    onTheWay: (token) => passed(token, affixes, ranks, join).flatMap((part) => tokens.get(part) ?? []),
    shrink: (kept) => {
      const stays = (token: string): boolean => kept.has(tokens.get(token) ?? -1);
      const all = (merge: Merge): boolean => merge.every(stays) && stays(join(merge));
      return {
        ...model,
        vocab: keptEntries(vocabulary, kept),
        merges: list.filter((_, rank) => all(merges[rank]!)),
      };
    },
  };
}

interface Affixes {
  /** Before every symbol of a word but the first, mostly none. */
  readonly prefix: string;
  /** Behind the last symbol of a word, mostly none. */
  readonly suffix: string;
}

function bare(token: string, { prefix, suffix }: Affixes): string {
  const begun = prefix !== '' && token.startsWith(prefix) ? token.slice(prefix.length) : token;
  return suffix !== '' && begun.endsWith(suffix) ? begun.slice(0, -suffix.length) : begun;
}

/** All symbols from a token's characters to the token, by its merges, the one of the lowest rank and leftmost first. */
function passed(
  token: string,
  affixes: Affixes,
  ranks: ReadonlyMap<string, number>,
  join: (merge: Merge) => string,
): string[] {
  const symbols = symbolsOf(token, affixes);
  const all = [...symbols];
  while (symbols.length > 1) {
    let [best, at] = [Infinity, -1];
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = ranks.get(`${symbols[i]} ${symbols[i + 1]}`) ?? Infinity;
      if (rank < best) [best, at] = [rank, i];
    }
    if (at < 0) break;
    const merged = join([symbols[at]!, symbols[at + 1]!]);
    symbols.splice(at, 2, merged);
    all.push(merged);
  }
  return all;
}

function symbolsOf(token: string, affixes: Affixes): string[] {
  const { prefix, suffix } = affixes;
  const inside = prefix !== '' && token.startsWith(prefix);
  const ends = suffix !== '' && token.endsWith(suffix);
  const chars = [...bare(token, affixes)];
  return chars.map(
    (char, i) => (i > 0 || inside ? prefix : '') + char + (ends && i === chars.length - 1 ? suffix : ''),
  );
}

/** "a b" before tokenizers 0.20, ["a", "b"] since. */
function mergeOf(merge: unknown): Merge {
  const parts: unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
  const [left, right] = parts;
  if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string')
    throw new DataError(`tokenizer.json: expected merges of two tokens, found ${JSON.stringify(merge)}`);
  return [left, right];
}
