// The data formats by file extension. A format is one file and one entry here.
import { DataError } from '../errors.ts';
import { conll, conllTable, isConll } from './conll.ts';
import { csv } from './csv.ts';
import { extensionOf, type DataFile } from './data-file.ts';
import { json } from './json.ts';
import { jsonl } from './jsonl.ts';
import { wholeLines } from './lines.ts';
import { parquet } from './parquet.ts';
import { plainText } from './plain-text.ts';
import type { Format, Table } from './table.ts';
import { headOf } from './text-file.ts';
import { tsv } from './tsv.ts';

const formats: readonly Format[] = [tsv, csv, jsonl, json, parquet, conll, plainText];

/**
 * Opens a file as the format that its name announces; a column file under another name by what is in it.
 * @throws DataError for a format that is not known, and where the file is not of its format
 */
export async function openTable(file: DataFile, split?: string): Promise<Table> {
  const extension = extensionOf(file);
  const format = formats.find(({ extensions }) => extensions.includes(extension));
  if (format === undefined || format === tsv || format === plainText) {
    const lines = await firstLines(file, format === undefined);
    if (isConll(lines)) return conllTable(file, lines);
  }
  if (format !== undefined) return format.open(file, split);
  const known = formats.flatMap(({ extensions }) => extensions.map((name) => `.${name}`)).join(', ');
  throw new DataError(
    `${file.path}: expected a data file (${known}; each but Parquet also .gz), found another extension`,
  );
}

/** The beginning of a file in lines; nothing where it need not be text. */
async function firstLines(file: DataFile, unknown: boolean): Promise<readonly string[]> {
  try {
    return wholeLines(await headOf(file));
  } catch (error) {
    if (unknown && error instanceof DataError) return [];
    throw error;
  }
}
