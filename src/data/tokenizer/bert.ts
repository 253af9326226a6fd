// BertNormalizer and BertPreTokenizer of Python's tokenizers, character by character (normalizers/bert.rs, pre_tokenizers/bert.rs).
import { AlignedBuilder, sliceAligned, type Aligned } from './aligned.ts';
import type { JsonObject } from '../json-file.ts';
import { remembering } from './pieces.ts';
import { characterClasses, Class, young } from './unicode.ts';

/** Settings of a BertNormalizer. */
interface BertSettings {
  readonly clean: boolean;
  readonly han: boolean;
  readonly strip: boolean;
  readonly lowercase: boolean;
}

function settingsOf(normalizer: JsonObject): BertSettings {
  const lowercase = normalizer['lowercase'] !== false;
  return {
    clean: normalizer['clean_text'] !== false,
    han: normalizer['handle_chinese_chars'] !== false,
    strip: typeof normalizer['strip_accents'] === 'boolean' ? normalizer['strip_accents'] : lowercase,
    lowercase,
  };
}

/**
 * What BertNormalizer makes of a text. It works on single characters: it drops it, or sets it apart, or decomposes it,
 * drops the marks and lowercases the rest, without regard to its neighbours (a final sigma stays σ). Only the order of
 * marks that stay depends on them.
 */
export function bertNormalizer(normalizer: JsonObject): (text: string) => Aligned {
  const settings = settingsOf(normalizer);
  const folded = remembering((char) => fold(char, settings));
  return (text) => {
    const out = new AlignedBuilder();
    for (let at = 0; at < text.length;) {
      const char = String.fromCodePoint(text.codePointAt(at)!);
      out.put(folded(char), at, at + char.length);
      at += char.length;
    }
    const aligned = out.done();
    return settings.strip ? { ...aligned, text: inOrder(aligned.text) } : aligned;
  };
}

function fold(char: string, { clean, han, strip, lowercase }: BertSettings): string {
  const classes = characterClasses();
  const kind = classes[char.codePointAt(0)!]!;
  if (clean && (kind & Class.removed) !== 0) return '';
  if (clean && (kind & Class.space) !== 0) return ' ';
  let folded = char;
  if (strip) {
    const decomposed = young.test(char) ? char : char.normalize('NFD');
    folded = [...decomposed].filter((one) => (classes[one.codePointAt(0)!]! & Class.mark) === 0).join('');
  }
  if (lowercase) folded = Array.from(folded, (one) => one.toLowerCase()).join('');
  return han && (kind & Class.han) !== 0 ? ` ${folded} ` : folded;
}

/** Canonical order of the marks that stay (spacing ones, and those unknown to Unicode 8). */
function inOrder(text: string): string {
  return text.replace(/\p{M}{2,}/gu, (marks) => (young.test(marks) ? marks : marks.normalize('NFD')));
}

/** Splits at white space, which goes, and around punctuation, which stays. */
export function bertPreTokens(aligned: Aligned): Aligned[] {
  const classes = characterClasses();
  const { text } = aligned;
  const words: Aligned[] = [];
  let begin = 0;
  const close = (end: number): void => {
    if (end > begin) words.push(sliceAligned(aligned, begin, end));
  };
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at)!;
    const width = code > 0xffff ? 2 : 1;
    const kind = classes[code]!;
    if ((kind & (Class.space | Class.punctuation)) !== 0) {
      close(at);
      if ((kind & Class.punctuation) !== 0) words.push(sliceAligned(aligned, at, at + width));
      begin = at + width;
    }
    at += width;
  }
  close(text.length);
  return words;
}

/**
 * Calls `run` for each [begin, end) of a text that BertNormalizer and BertPreTokenizer treat without regard to the rest:
 * a Chinese character, or what stands between those and white space.
 */
export function bertRuns(normalizer: JsonObject): (text: string, begin: number, end: number, run: Run) => void {
  const borders = borderTable(settingsOf(normalizer));
  return (text, begin, end, run) => {
    let from = begin;
    for (let at = begin; at < end;) {
      const code = text.codePointAt(at)!;
      const width = code > 0xffff ? 2 : 1;
      const border = borders[code]!;
      if (border !== 0) {
        if (at > from) run(from, at);
        if (border === Class.han) run(at, at + width);
        from = at + width;
      }
      at += width;
    }
    if (end > from) run(from, end);
  };
}

type Run = (begin: number, end: number) => void;

/** Class.space for white space, Class.han for a character that stands alone, 0 for any other. */
function borderTable({ clean, han }: BertSettings): Uint8Array {
  const classes = characterClasses();
  const borders = new Uint8Array(classes.length);
  const mask = Class.space | (han ? Class.han : 0);
  // what is removed is gone before anything is split, vertical tab and form feed too
  const gone = clean ? Class.removed : 0;
  for (let code = 0; code < classes.length; code++)
    if ((classes[code]! & gone) === 0) borders[code] = classes[code]! & mask;
  return borders;
}
