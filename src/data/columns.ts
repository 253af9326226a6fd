// Which columns hold the text, its pair and the label: by name from the caller, by well-known names, or by what they look like.
import { DataError } from '../errors.ts';
import type { Table, TableRow } from './table.ts';

/** What the caller knows about the columns; each a header name, or a position from 1. */
export interface ColumnNames {
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** Name of the task, which decides between several candidates (a score or a class). */
  readonly task?: string | undefined;
}

/** Columns from 0, with the header they come from if the first row is one. */
export interface Columns {
  readonly header?: readonly string[];
  readonly text: number;
  readonly textPair?: number;
  readonly label?: number;
}

/** Pairs of columns that data sets use, the first sentence's name before the second's. */
const pairs: readonly (readonly [string, string])[] = [
  ['sentence1', 'sentence2'],
  ['sentence_1', 'sentence_2'],
  ['sentence_a', 'sentence_b'],
  ['question1', 'question2'],
  ['premise', 'hypothesis'],
  ['text_a', 'text_b'],
  ['text1', 'text2'],
  ['text', 'text_pair'],
  ['question', 'sentence'],
  ['question', 'passage'],
  ['query', 'passage'],
  ['query', 'document'],
  ['s1', 's2'],
  ['anchor', 'positive'],
];

const texts: readonly string[] = [
  ...'sentence text review content utterance query question comment message tweet title body document input'.split(' '),
  ...pairs.map(([first]) => first),
];

const classes: readonly string[] =
  'label labels category intent class target sentiment polarity gold_label is_duplicate stars rating y'.split(' ');

const scores: readonly string[] = 'score similarity_score similarity relatedness_score relatedness'.split(' ');

/**
 * Finds the columns.
 * @param where the file, for messages
 * @throws DataError naming the columns there are, where one asked for is missing or no text can be found
 */
export function findColumns(where: string, table: Table, wanted: ColumnNames): Columns {
  const first = table.rows[0]?.fields ?? [];
  const header = table.names ?? (isHeader(first, wanted) ? first.map((field) => (field ?? '').trim()) : undefined);
  const names = header ?? first.map((_, i) => String(i + 1));
  const chosen = {
    text: named(where, names, wanted.text, 'text'),
    textPair: named(where, names, wanted.textPair, 'text pair'),
    label: named(where, names, wanted.label, 'label'),
  };
  const guess = table.layout ?? (header === undefined ? guessByContent(table.rows) : guessByName(names, wanted));
  // A text column named by the caller makes the guessed pair meaningless, unless that was named too.
  const guessedPair = wanted.text === undefined ? guess.textPair : undefined;
  const text = chosen.text ?? guess.text;
  const textPair = chosen.textPair ?? guessedPair;
  const label = chosen.label ?? guess.label;
  if (text === undefined) {
    throw new DataError(`${where}: expected a text column (${texts.slice(0, 4).join(', ')} …), found ${list(names)}`);
  }
  return {
    ...(header === undefined || table.names !== undefined ? {} : { header }),
    text,
    ...(textPair === undefined || textPair === text ? {} : { textPair }),
    ...(label === undefined || label === text ? {} : { label }),
  };
}

interface Guess {
  readonly text?: number;
  readonly textPair?: number;
  readonly label?: number;
}

/** A first row is a header when it holds a name the caller gave or one that data sets use, and no field is long. */
function isHeader(first: readonly (string | undefined)[], wanted: ColumnNames): boolean {
  const fields = first.map((field) => (field ?? '').trim());
  const given = [wanted.text, wanted.textPair, wanted.label].filter((name) => name !== undefined && !isPosition(name));
  if (given.some((name) => fields.includes(name ?? ''))) return true;
  if (fields.some((field) => field.length > 60)) return false;
  const lower = fields.map((field) => field.toLowerCase());
  return lower.some((field) => texts.includes(field) || pairs.some((pair) => pair.includes(field)));
}

function guessByName(names: readonly string[], { task }: ColumnNames): Guess {
  const lower = names.map((name) => name.toLowerCase());
  const at = (name: string): number | undefined => {
    const found = lower.indexOf(name);
    return found < 0 ? undefined : found;
  };
  const first = (candidates: readonly string[]): number | undefined => candidates.map(at).find((i) => i !== undefined);
  const similarity = task === 'sentence-similarity';
  const label = first(similarity ? [...scores, ...classes] : [...classes, ...scores]);
  const pair = pairs.find(([a, b]) => at(a) !== undefined && at(b) !== undefined);
  const text = pair === undefined ? first(texts) : at(pair[0]);
  const textPair = pair === undefined ? undefined : at(pair[1]);
  return {
    ...(text === undefined ? {} : { text }),
    ...(textPair === undefined ? {} : { textPair }),
    ...(label === undefined ? {} : { label }),
  };
}

/** How many rows without a header are looked at. */
const sampled = 200;

/**
 * Without a header: the label is the column with the fewest different values, if they repeat and are short or numbers;
 * the texts are the other columns that hold words, in order.
 */
function guessByContent(rows: readonly TableRow[]): Guess {
  const sample = rows.slice(0, sampled);
  const width = sample[0]?.fields.length ?? 0;
  const facts = Array.from({ length: width }, (_, column) => factsOf(sample, column));
  const labels = facts.filter((fact) => fact.short && width > 1).sort((a, b) => a.different - b.different);
  const label = labels[0]?.column;
  const words = facts.filter((fact) => fact.column !== label && !fact.numbers).map((fact) => fact.column);
  return {
    ...(words[0] === undefined ? {} : { text: words[0] }),
    ...(words[1] === undefined || words.length > 2 ? {} : { textPair: words[1] }),
    ...(label === undefined ? {} : { label }),
  };
}

function factsOf(rows: readonly TableRow[], column: number) {
  const values = rows.map((row) => (row.fields[column] ?? '').trim());
  const numbers = values.every((value) => value !== '' && !Number.isNaN(Number(value)));
  const different = new Set(values).size;
  const short = numbers || (values.every((value) => value.length <= 40) && different <= Math.max(2, values.length / 2));
  return { column, numbers, different, short };
}

/** The column of a name or a position from 1; undefined where none was asked for. */
function named(where: string, names: readonly string[], name: string | undefined, role: string): number | undefined {
  if (name === undefined) return undefined;
  const exact = names.indexOf(name);
  if (exact >= 0) return exact;
  if (isPosition(name) && Number(name) <= names.length) return Number(name) - 1;
  throw new DataError(`${where}: expected a ${role} column '${name}', found ${list(names)}`);
}

function isPosition(name: string): boolean {
  return /^[1-9]\d*$/.test(name);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'no columns' : `columns ${names.join(', ')}`;
}
