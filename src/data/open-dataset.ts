// Opens a data file: a first pass finds its columns and counts its rows, later ones stream the rows, and no pass holds the file.
import { DataError, UsageError } from '../errors.ts';
import { findColumns, rowsForGuess, shownColumns, type ColumnNames, type Columns } from './columns.ts';
import { changed, checkUnchanged, lookAt } from './data-file.ts';
import type { Dataset, Row } from './dataset.ts';
import { openTable } from './formats.ts';
import { sampler } from './sample.ts';
import type { BadRow, Table, TableRow } from './table.ts';
import { useRow } from './use-row.ts';

export interface DatasetOptions {
  /** Take this many of the usable rows; all by default. */
  readonly samples?: number | undefined;
  /** Which ones; the same seed takes the same rows. Default 0. */
  readonly seed?: number | undefined;
  /** Bytes of the file read at once, which changes nothing but the speed. */
  readonly chunkBytes?: number | undefined;
}

/** How many bad rows are listed. */
const listedBad = 100;

/**
 * Opens a data file.
 * @param wanted columns by name or position, the task, and the list wanted of a JSON file with several; what is left out
 * is guessed
 * @throws DataError for an unknown format, a file that is no data, a column that is missing, or no usable row; UsageError for a number of samples that is none
 */
export async function openDataset(
  path: string,
  wanted: ColumnNames & { readonly split?: string | undefined } = {},
  options: DatasetOptions = {},
): Promise<Dataset> {
  const { samples, seed = 0 } = options;
  if (samples !== undefined && !(Number.isSafeInteger(samples) && samples > 0)) {
    throw new UsageError(`samples: expected a whole number from 1, found ${samples}`);
  }
  const file = await lookAt(path, options.chunkBytes);
  const table = await openTable(file, wanted.split);
  const reading = await beginReading(path, table, wanted);
  const { total, bad, badRows } = await count(reading);
  if (total === 0) throw noRows(path, table, bad);
  await checkUnchanged(file);
  const size = Math.min(samples ?? total, total);
  return {
    path,
    format: table.format,
    unit: table.unit,
    columns: shownColumns(table, reading.columns),
    ...(reading.classes === undefined ? {} : { classes: reading.classes }),
    size,
    total,
    bad,
    badRows,
    async *rows() {
      await checkUnchanged(file);
      const takes = sampler(size, total, seed);
      let seen = 0;
      for await (const batch of examples(reading)) {
        for (const row of batch) {
          if (!isExample(row)) continue;
          seen++;
          if (takes()) yield row;
        }
      }
      await checkUnchanged(file);
      if (seen !== total) throw changed(file);
    },
  };
}

/** A table whose columns are known. */
interface Reading {
  readonly table: Table;
  readonly columns: Columns;
  /** Columns to read. */
  readonly read: readonly number[];
  readonly classes: readonly string[] | undefined;
  /** Fields that every row must have. */
  readonly width: number | undefined;
}

async function beginReading(path: string, table: Table, wanted: ColumnNames): Promise<Reading> {
  const { rows, bad } = await firstRows(table);
  if (rows.length === 0) throw noRows(path, table, bad);
  const columns = findColumns(path, table, rows, wanted);
  const { header: _header, ...read } = columns;
  const named = columns.label ?? columns.tags;
  return {
    table,
    columns,
    read: Object.values(read),
    classes: named === undefined ? undefined : table.classes?.get(named),
    width: table.ragged === true || table.names !== undefined ? undefined : rows[0]!.fields.length,
  };
}

async function firstRows(table: Table): Promise<{ rows: TableRow[]; bad: BadRow[] }> {
  const [rows, bad]: [TableRow[], BadRow[]] = [[], []];
  for await (const entries of table.read()) {
    for (const entry of entries) {
      if ('fields' in entry) rows.push(entry);
      else if (bad.length < listedBad) bad.push(entry);
    }
    if (rows.length >= rowsForGuess) break;
  }
  return { rows: rows.slice(0, rowsForGuess), bad };
}

/** Examples and bad rows in the order of the file. */
async function* examples({ table, columns, read, width }: Reading): AsyncGenerator<readonly (Row | BadRow)[]> {
  let header = columns.header !== undefined;
  for await (const entries of table.read(read)) {
    const batch: (Row | BadRow)[] = [];
    for (const entry of entries) {
      if (!('fields' in entry)) batch.push(entry);
      else if (header) header = false;
      else {
        const used = useRow(entry, columns, width);
        batch.push(typeof used === 'string' ? { line: entry.line, reason: used } : used);
      }
    }
    yield batch;
  }
}

async function count(reading: Reading): Promise<Pick<Dataset, 'total' | 'bad' | 'badRows'>> {
  let [total, badRows] = [0, 0];
  const bad: BadRow[] = [];
  for await (const batch of examples(reading)) {
    for (const row of batch) {
      if (isExample(row)) total++;
      else if (++badRows <= listedBad) bad.push(row);
    }
  }
  return { total, bad, badRows };
}

function isExample(row: Row | BadRow): row is Row {
  return 'text' in row;
}

function noRows(path: string, { unit }: Table, [first]: readonly BadRow[]): DataError {
  if (first === undefined) return new DataError(`${path}: expected rows, found none`);
  return new DataError(`${path}: expected rows, found none that can be used (${unit} ${first.line}: ${first.reason})`);
}
