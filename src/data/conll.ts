// Column files as CoNLL-2003 and WNUT17 have them: a word a line, its tag in the last column, an empty line after a sentence.
import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';
import { linesOf, wholeLines, type Line } from './lines.ts';
import type { Entry, Format, Table } from './table.ts';
import { headOf } from './text-file.ts';

export const conll: Format = {
  extensions: ['conll', 'iob', 'iob2', 'bio', 'bioes'],
  async open(file) {
    return conllTable(file, wholeLines(await headOf(file)));
  },
};

/** A row is a sentence; its fields are the columns, each a list with an item a word. */
export function conllTable(file: DataFile, first: readonly string[]): Table {
  const tabs = hasTabs(first);
  const width = split(first.find((line) => isWord(line) && !isComment(line, tabs)) ?? '', tabs).length;
  return {
    format: `CoNLL (${tabs ? 'tabs' : 'spaces'})`,
    unit: 'line',
    layout: width < 2 ? { text: 0 } : { text: 0, tags: width - 1 },
    read: () => sentences(file, tabs, width),
  };
}

/** True where every word has as many columns, two or more, of which the last is a BIO or BIOES tag, and sentences end. */
export function isConll(lines: readonly string[]): boolean {
  const tabs = hasTabs(lines);
  const words = lines.filter((line) => isWord(line) && !isComment(line, tabs)).map((line) => split(line, tabs));
  const width = words[0]?.length ?? 0;
  const tags = words.map((columns) => columns.at(-1) ?? '');
  return (
    width >= 2 &&
    words.every((columns) => columns.length === width) &&
    tags.every((tag) => /^(?:O|[BIESLU]-\S+)$/.test(tag)) &&
    tags.includes('O') &&
    lines.some((line) => line.trim() === '')
  );
}

async function* sentences(file: DataFile, tabs: boolean, width: number): AsyncGenerator<readonly Entry[]> {
  let sentence: Line[] = [];
  for await (const lines of linesOf(file)) {
    const entries: Entry[] = [];
    for (const line of lines) {
      if (isWord(line.text)) {
        if (sentence.length > 0 || !isComment(line.text, tabs)) sentence.push(line);
        if (sentence.length > longestSentence) throw tooManyWords(file.path, sentence[0]!.line);
        continue;
      }
      if (sentence.length > 0) entries.push(entryOf(sentence, tabs, width));
      sentence = [];
    }
    yield entries;
  }
  if (sentence.length > 0) yield [entryOf(sentence, tabs, width)];
}

/** A sentence as a row; one with a line that cannot be read is left out whole, for its tags would no longer fit. */
function entryOf(sentence: readonly Line[], tabs: boolean, width: number): Entry {
  const words = sentence.map(({ text }) => split(text, tabs));
  const wrong = words.findIndex((columns) => columns.length !== width);
  const { line } = sentence[Math.max(0, wrong)]!;
  if (wrong < 0)
    return { line, fields: Array.from({ length: width }, (_, column) => words.map((word) => word[column]!)) };
  return { line, reason: `expected ${width} columns, found ${words[wrong]!.length}; its sentence is left out` };
}

/** Most words of a sentence: a file without empty lines would be held in memory whole. */
const longestSentence = 100_000;

function tooManyWords(path: string, line: number): DataError {
  return new DataError(
    `${path} line ${line}: expected an empty line after a sentence, found ${longestSentence} words without`,
  );
}

/** False for what stands between sentences: an empty line, or the mark where a document begins. */
function isWord(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('-DOCSTART-');
}

/** A line before a sentence: one without columns (CoNLL-U), or `# id …` (MultiCoNER). A word may begin with #. */
function isComment(line: string, tabs: boolean): boolean {
  return line.startsWith('#') && ((tabs && !line.includes('\t')) || /^# (?:id |\S+ = )/.test(line));
}

/** Whether columns are separated by tabs, by the first line that is no comment for certain. */
function hasTabs(lines: readonly string[]): boolean {
  const first = lines.find((line) => isWord(line) && !line.startsWith('#')) ?? lines.find(isWord);
  return first?.includes('\t') ?? false;
}

function split(line: string, tabs: boolean): string[] {
  return tabs ? line.trimEnd().split('\t') : line.trim().split(/\s+/);
}
