// Added tokens (special ones and the user's own), found in a text before it is split into words (tokenizers, added_vocabulary.rs).
import { integerField, isJsonObject, stringField, type JsonObject } from '../json-file.ts';

/** A part of a text: an added token, or text between them. */
export interface Section {
  readonly begin: number;
  readonly end: number;
  readonly id?: number;
}

interface AddedToken {
  readonly content: string;
  readonly id: number;
  readonly normalized: boolean;
  readonly alone: boolean;
  readonly stripLeft: boolean;
  readonly stripRight: boolean;
}

export interface AddedTokens {
  /** Splits a text as it is given, at tokens that are not normalized. */
  readonly raw: (text: string) => Section[];
  /** Splits a normalized text at the other tokens; undefined where there are none. */
  readonly normalized?: (text: string) => Section[];
  readonly ids: ReadonlySet<number>;
}

/**
 * @param json the object of tokenizer.json
 * @param normalize its normalizer, which is applied to the contents of normalized tokens as well
 */
export function addedTokens(json: JsonObject, normalize: (text: string) => string): AddedTokens {
  const list = Array.isArray(json['added_tokens']) ? json['added_tokens'].flatMap(readToken) : [];
  const raw = splitter(list.filter((token) => !token.normalized));
  const normalized = list.filter((token) => token.normalized);
  const ids = new Set(list.map((token) => token.id));
  if (normalized.length === 0) return { raw, ids };
  return {
    raw,
    ids,
    normalized: splitter(normalized.map((token) => ({ ...token, content: normalize(token.content) }))),
  };
}

function readToken(token: unknown): AddedToken[] {
  if (!isJsonObject(token)) return [];
  const content = stringField(token, 'content');
  const id = integerField(token, 'id');
  if (content === undefined || id === undefined) return [];
  const normalized = token['normalized'] ?? token['special'] !== true;
  return [
    {
      content,
      id,
      normalized: normalized === true,
      alone: token['single_word'] === true,
      stripLeft: token['lstrip'] === true,
      stripRight: token['rstrip'] === true,
    },
  ];
}

const wordBefore = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const wordBehind = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const spaceBefore = /\p{White_Space}+$/u;
const spaceBehind = /^\p{White_Space}+/u;

/** Finds the leftmost token, the longest of those at one place; `lstrip` and `rstrip` take white space in. */
function splitter(tokens: readonly AddedToken[]): (text: string) => Section[] {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  byContent.delete('');
  const contents = [...byContent.keys()].toSorted((a, b) => b.length - a.length);
  if (contents.length === 0) return (text) => [{ begin: 0, end: text.length }];
  const pattern = new RegExp(contents.map((one) => one.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&')).join('|'), 'g');
  return (text) => {
    const sections: Section[] = [];
    let from = 0;
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])!;
      let [begin, end] = [match.index, match.index + match[0].length];
      if (
        token.alone &&
        (wordBefore.test(text.slice(Math.max(0, begin - 2), begin)) || wordBehind.test(text.slice(end, end + 2)))
      )
        continue;
      if (token.stripLeft) begin = Math.max(from, begin - (spaceBefore.exec(text.slice(from, begin))?.[0].length ?? 0));
      if (token.stripRight) end += spaceBehind.exec(text.slice(end))?.[0].length ?? 0;
      if (begin > from) sections.push({ begin: from, end: begin });
      sections.push({ begin, end, id: token.id });
      from = end;
    }
    if (from < text.length) sections.push({ begin: from, end: text.length });
    return sections;
  };
}
