// Cleaning texts before training: control characters go, white space collapses, HTML entities become their characters.
import type { Row } from '../dataset.ts';

export interface CleanOptions {
  /** `&amp;` becomes `&`: for texts that were cut out of web pages. */
  readonly entities?: boolean | undefined;
}

/** Unicode's Cc and Cf without the joiners that scripts and emoji need, the replacement character, and the byte order mark. */
const control = /[\p{Cc}\p{Cf}\ufffd]/gu;
const joiners = new Set(['\u200c', '\u200d']);

/** Entities that stand in texts in practice; numbers are read as numbers. */
const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  euro: '€',
  pound: '£',
};

/** A text as it should be read; '' where nothing is left. */
export function cleanText(text: string, { entities = false }: CleanOptions = {}): string {
  const plain = entities ? text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,8});/gi, characterOf) : text;
  return plain
    .replace(/\s+/gu, ' ')
    .replace(control, (sign) => (joiners.has(sign) ? sign : ''))
    .replace(/ {2,}/g, ' ')
    .trim();
}

function characterOf(whole: string, name: string): string {
  if (!name.startsWith('#')) return named[name.toLowerCase()] ?? whole;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

/** The row with its texts cleaned, or undefined where one of them has nothing left. Words that are tagged keep their number. */
export function cleanRow(row: Row, options: CleanOptions = {}): Row | undefined {
  const text = cleanText(row.text, options);
  const pair = row.textPair === undefined ? undefined : cleanText(row.textPair, options);
  if (text === '' || pair === '') return undefined;
  const words = row.words?.map((word) => cleanText(word, options) || word);
  return { ...row, text, ...(pair === undefined ? {} : { textPair: pair }), ...(words && { words }) };
}
