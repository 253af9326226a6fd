// Texts, pairs, words and windows as a model reads them: cut to their length, special tokens around them.
import { DataError } from '../../errors.ts';
import type { Encoding, Tokenizer } from './tokenizer.ts';
import type { Template, Templates } from './template.ts';
import type { TextEncoder } from './text.ts';
import { longestFirst, windowsOf } from './truncation.ts';

type Side = 'left' | 'right';

/** @param side where texts that are too long are cut */
export function encodings(
  encodeText: TextEncoder,
  templates: Templates,
  side: Side,
): Pick<Tokenizer, 'encode' | 'encodeWords' | 'encodeWindows'> {
  return {
    encode(text, pair, maxLength) {
      const template = pair === undefined ? templates.single : templates.pair;
      const room = roomIn(template, maxLength);
      const a = encodeText(text).ids;
      const b = pair === undefined ? [] : encodeText(pair).ids;
      const [keepA, keepB] = longestFirst(a.length, b.length, room);
      return fillTemplate(template, cut(a, keepA, side), cut(b, keepB, side));
    },
    encodeWords(words, maxLength) {
      const room = roomIn(templates.single, maxLength);
      const ids: number[] = [];
      const starts = new Int32Array(words.length).fill(-1);
      for (const [w, word] of words.entries()) {
        const tokens = encodeText(word).ids;
        if (tokens.length > 0) starts[w] = ids.length;
        for (const id of tokens) ids.push(id);
      }
      const from = side === 'left' ? Math.max(0, ids.length - room) : 0;
      const before = beginOf(templates.single, 'a', 0);
      for (const [w, start] of starts.entries()) {
        starts[w] = start < from || start >= from + room ? -1 : start - from + before;
      }
      return { encoding: fillTemplate(templates.single, cut(ids, room, side), []), starts };
    },
    encodeWindows(question, context, maxLength, stride) {
      const a = encodeText(question).ids;
      const { ids, offsets } = encodeText(context);
      const room = maxLength - templates.pair.specials - a.length;
      if (ids.length > room && room <= stride) {
        throw new DataError(
          `length: expected more than ${maxLength - room + stride} tokens for a question of ${a.length} tokens and a stride of ${stride}, found ${maxLength}`,
        );
      }
      const before = beginOf(templates.pair, 'b', a.length);
      return windowsOf(ids.length, room, stride, side).map(([begin, end]) => {
        const encoding = fillTemplate(templates.pair, a, ids.slice(begin, end));
        const places = new Int32Array(2 * encoding.ids.length).fill(-1);
        places.set(offsets.slice(2 * begin, 2 * end), 2 * before);
        return { encoding, offsets: places };
      });
    },
  };
}

function roomIn(template: Template, maxLength: number): number {
  const room = maxLength - template.specials;
  if (room < 1) throw new DataError(`length: expected more than ${template.specials} tokens, found ${maxLength}`);
  return room;
}

/** Index of the first token of a text in its template; `other` is the length of the other text where that stands before. */
function beginOf(template: Template, of: 'a' | 'b', other: number): number {
  let at = 0;
  for (const piece of template.pieces) {
    if (piece.of === of) break;
    at += piece.of === 'special' ? 1 : other;
  }
  return at;
}

function fillTemplate(template: Template, a: readonly number[], b: readonly number[]): Encoding {
  const length = template.specials + a.length + b.length;
  const ids = new Int32Array(length);
  const segments = new Uint8Array(length);
  let at = 0;
  for (const piece of template.pieces) {
    const part = piece.of === 'a' ? a : piece.of === 'b' ? b : [piece.id];
    ids.set(part, at);
    segments.fill(piece.segment, at, at + part.length);
    at += part.length;
  }
  return { ids, segments };
}

/** The first `count` ids, or the last where texts are cut on the left. */
function cut(ids: readonly number[], count: number, side: Side): readonly number[] {
  if (ids.length <= count) return ids;
  return side === 'left' ? ids.slice(ids.length - count) : ids.slice(0, count);
}
