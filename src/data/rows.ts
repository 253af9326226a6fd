// Reads a data file into rows of text, pair and label, keeping count of every row that cannot be used and why.
import { DataError } from '../errors.ts';
import { datasetOf, type Dataset as DatasetNow } from './dataset.ts';
import { findColumns, type ColumnNames, type Columns } from './columns.ts';
import { formatOf, knownExtensions } from './formats.ts';
import type { BadRow, Table, TableRow } from './table.ts';
import { readTextFile } from './text-file.ts';

export type { BadRow } from './table.ts';
export type { ColumnNames } from './columns.ts';

/** One example. */
export interface Row {
  /** 1-based line of the file on which it begins. */
  readonly line: number;
  readonly text: string;
  readonly textPair?: string;
  /** As written in the file. */
  readonly label?: string;
}

export interface Dataset {
  readonly path: string;
  /** The format found, as shown to the user. */
  readonly format: string;
  /** Columns used, by name or by position from 1 where there is no header, as shown to the user. */
  readonly columns: { readonly text: string; readonly textPair?: string; readonly label?: string };
  readonly rows: readonly Row[];
  /** Rows left out, by line. */
  readonly bad: readonly BadRow[];
}

/**
 * Reads a data file.
 * @param wanted columns by name or position, and the task; what is left out is guessed
 * @throws DataError for an unknown format, a file that is no text, a column that is missing, or no usable row
 */
export async function readRows(path: string, wanted: ColumnNames = {}): Promise<Dataset> {
  const format = formatOf(path);
  if (format === undefined) {
    throw new DataError(`${path}: expected a data file (${knownExtensions()}), found another extension`);
  }
  const table = await format.parse(await readTextFile(path));
  if (table.rows.length === 0) throw new DataError(`${path}: expected rows, found none${firstBad(table.bad)}`);
  const columns = findColumns(path, table, wanted);
  const { rows, bad } = useRows(table, columns);
  if (rows.length === 0) throw new DataError(`${path}: expected rows, found none that can be used${firstBad(bad)}`);
  return { path, format: table.format, columns: shown(table, columns), rows, bad };
}

function useRows(table: Table, columns: Columns): { rows: Row[]; bad: BadRow[] } {
  const rows: Row[] = [];
  const bad = [...table.bad];
  const width = table.ragged === true || table.names !== undefined ? undefined : table.rows[0]?.fields.length;
  for (const row of columns.header === undefined ? table.rows : table.rows.slice(1)) {
    const used = useRow(row, columns, width);
    if (typeof used === 'string') bad.push({ line: row.line, reason: used });
    else rows.push(used);
  }
  return { rows, bad: bad.sort((a, b) => a.line - b.line) };
}

/** The example in a row, or why there is none. */
function useRow(row: TableRow, columns: Columns, width: number | undefined): Row | string {
  const { fields, line } = row;
  if (width !== undefined && fields.length !== width) return `expected ${width} fields, found ${fields.length}`;
  const text = fields[columns.text];
  if (text === undefined || text.trim() === '') return 'no text';
  const textPair = columns.textPair === undefined ? undefined : fields[columns.textPair];
  if (columns.textPair !== undefined && (textPair === undefined || textPair.trim() === '')) return 'no second text';
  const label = columns.label === undefined ? undefined : fields[columns.label]?.trim();
  if (columns.label !== undefined && (label === undefined || label === '')) return 'no label';
  return { line, text, ...(textPair === undefined ? {} : { textPair }), ...(label === undefined ? {} : { label }) };
}

function shown(table: Table, { header, text, textPair, label }: Columns): Dataset['columns'] {
  const names = table.names ?? header;
  const show = (column: number): string => names?.[column] ?? String(column + 1);
  return {
    text: show(text),
    ...(textPair === undefined ? {} : { textPair: show(textPair) }),
    ...(label === undefined ? {} : { label: show(label) }),
  };
}

function firstBad(bad: readonly BadRow[]): string {
  const first = bad[0];
  return first === undefined ? '' : ` (line ${first.line}: ${first.reason})`;
}

/** Temporary: the rows in memory. */
export async function openDataset(path: string, wanted: ColumnNames = {}): Promise<DatasetNow> {
  const { rows, format, columns, bad } = await readRows(path, wanted);
  return { ...datasetOf(rows, { path, format, columns }), bad, badRows: bad.length };
}
