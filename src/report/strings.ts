// Users' strings made fit for a page: control characters out, width as a terminal draws it, cut to size, short names of files.

/** C0 and C1 controls, and the marks that turn the direction of text: a file must not steer the terminal or the page. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu;
/** Half of a surrogate pair, and code points that are no characters. */
const BROKEN = /[\p{Cs}\p{Noncharacter_Code_Point}]/gu;

/** Nothing that steers: each run of controls is a space. */
export function printable(text: string): string {
  return text.replace(BROKEN, '\ufffd').replace(CONTROLS, ' ');
}

/** One line of plain text: runs of controls and white space are a space. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Two columns wide: East Asian scripts, fullwidth forms, emoji (Unicode TR 11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Columns that a terminal gives to a line of text. */
export function width(text: string): number {
  if (/^[\u0020-\u02ff]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += columnsOf(segment);
  return columns;
}

function columnsOf(segment: string): number {
  return WIDE.test(segment) ? 2 : /^[\p{M}\p{Cf}]+$/u.test(segment) ? 0 : 1;
}

/** At most `columns` wide, with … where something is missing at the end. */
export function cutEnd(text: string, columns: number): string {
  return width(text) <= columns ? text : `${take([...graphemes.segment(text)], columns - 1)}…`;
}

/** At most `columns` wide, with … where something is missing in the middle: of a path, both ends tell. */
export function cutMiddle(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  const segments = [...graphemes.segment(text)];
  const tail = take(segments.toReversed(), Math.ceil((columns - 1) * 0.6), true);
  return `${take(segments, columns - 1 - width(tail))}…${tail}`;
}

function take(segments: readonly Intl.SegmentData[], columns: number, reversed = false): string {
  let [text, used] = ['', 0];
  for (const { segment } of segments) {
    used += columnsOf(segment);
    if (used > columns) break;
    text = reversed ? segment + text : text + segment;
  }
  return text;
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - width(text))) + text;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}

/** Lines of at most `columns`, broken at spaces; a longer word stands alone. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}

/**
 * Short names that tell paths apart: the last name of each, or where others share it, the name from which it differs
 * (`int8` of `int8/onnx/model.onnx`), or its shortest end that no other path has.
 */
export function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => path.split(/[\\/]/).filter(Boolean));
  const end = (names: readonly string[], count: number): string => names.slice(-count).join('/');
  const counts = parts.map((names, i) => {
    const unique = (count: number): boolean =>
      !parts.some((other, j) => j !== i && end(other, count) === end(names, count));
    const found = names.findIndex((_, k) => unique(k + 1));
    return found < 0 ? names.length : found + 1;
  });
  const telling = parts.map((names, i) => names[names.length - counts[i]!] ?? '');
  return parts.map((names, i) => {
    const alone = telling.filter((name) => name === telling[i]).length === 1 && telling[i] !== '';
    return oneLine(alone ? telling[i]! : end(names, counts[i]!)) || oneLine(paths[i]!);
  });
}
