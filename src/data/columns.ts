// Which columns hold the text, its pair and what is to be told about them: by name from the caller, by layout, or guessed.
import { DataError } from '../errors.ts';
import type { ShownColumns } from './dataset.ts';
import { guessByContent, guessByName, looksLikeHeader, places, textOfCell, texts } from './guess-columns.ts';
import type { Places, Table, TableRow } from './table.ts';

/** What the caller knows about the columns; each a header name, or a position from 1. */
export interface ColumnNames {
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  /** The column of tags or answers too, where the task wants these and they are not named. */
  readonly label?: string | undefined;
  readonly tags?: string | undefined;
  readonly answers?: string | undefined;
  /** Name of the task, which decides between several candidates (a score or a class). */
  readonly task?: string | undefined;
}

/** Columns from 0, with the header they come from if the first row is one. */
export interface Columns extends Places {
  readonly header?: readonly string[];
  readonly text: number;
}

/** How many rows a guess looks at. */
export const rowsForGuess = 200;

/**
 * Finds the columns.
 * @param where the file, for messages
 * @param rows its first rows
 * @throws DataError naming the columns there are, where one asked for is missing or no text can be found
 */
export function findColumns(where: string, table: Table, rows: readonly TableRow[], wanted: ColumnNames): Columns {
  const first = (rows[0]?.fields ?? []).map((field) => textOfCell(field).trim());
  const header = table.names === undefined && table.layout === undefined && isHeader(first, wanted) ? first : undefined;
  const known = table.names ?? header;
  const names = known ?? first.map((_, i) => String(i + 1));
  const chosen = chosenBy(where, names, wanted);
  const guess = table.layout ?? (known === undefined ? guessByContent(rows) : guessByName(known, rows, wanted.task));
  const { text, ...others } = join(chosen, guess);
  if (text === undefined) {
    throw new DataError(`${where}: expected a text column (${texts.slice(0, 4).join(', ')} …), found ${list(names)}`);
  }
  return { ...(header === undefined ? {} : { header }), text, ...others };
}

/** Columns by the names that are shown to the user: the file's own, or positions from 1. */
export function shownColumns(table: Table, { header, text, ...others }: Columns): ShownColumns {
  const names = table.names ?? header;
  const show = (column: number): string => names?.[column] ?? String(column + 1);
  const shown = Object.entries(others).map(([role, column]: [string, number]) => [role, show(column)]);
  return { text: show(text), ...Object.fromEntries(shown) };
}

/** A header holds a name that the caller gave, or looks like one. */
function isHeader(fields: readonly string[], { text, textPair, label, tags, answers }: ColumnNames): boolean {
  const given = [text, textPair, label, tags, answers].filter((name) => name !== undefined && !isPosition(name));
  return given.some((name) => fields.includes(name ?? '')) || looksLikeHeader(fields);
}

/** The columns that the caller named. */
function chosenBy(where: string, names: readonly string[], wanted: ColumnNames): Places {
  const column = (name: string | undefined, role: string): number | undefined => named(where, names, name, role);
  const label = column(wanted.label, 'label');
  const serves = (task: string): number | undefined => (wanted.task === task ? label : undefined);
  const tags = column(wanted.tags, 'tags') ?? serves('token-classification');
  const answers = column(wanted.answers, 'answers') ?? serves('question-answering');
  const other = label === tags || label === answers;
  return places({
    text: column(wanted.text, 'text'),
    textPair: column(wanted.textPair, 'text pair'),
    label: other ? undefined : label,
    tags,
    answers,
  });
}

/** What was chosen, and what was guessed as far as it goes with that: a column has one role. */
function join(chosen: Places, guess: Places): Places {
  const taken = Object.values(chosen);
  const free = (column: number | undefined): number | undefined =>
    column === undefined || taken.includes(column) ? undefined : column;
  // A text named by the caller makes the guessed pair meaningless, unless the guess was of the same text.
  const pairHolds = chosen.text === undefined || chosen.text === guess.text;
  return places({
    text: free(guess.text),
    textPair: pairHolds ? free(guess.textPair) : undefined,
    label: free(guess.label),
    tags: free(guess.tags),
    answers: free(guess.answers),
    ...chosen,
  });
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
