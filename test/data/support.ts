// Data files of a test, opened and read whole.
import { openDataset, type DatasetOptions } from '../../src/data/open-dataset.ts';
import type { Dataset, Row } from '../../src/data/dataset.ts';
import { writeTemp } from '../support/temp.ts';

type Wanted = Parameters<typeof openDataset>[1];

/** A data set whose rows were read. */
export type Read = Omit<Dataset, 'rows'> & { readonly rows: readonly Row[] };

/** Writes a file under a name, opens it and reads its rows. */
export function read(
  name: string,
  content: string | Uint8Array,
  wanted: Wanted = {},
  options: DatasetOptions = {},
): Promise<Read> {
  return readAt(writeTemp(content, name), wanted, options);
}

/** Opens a file and reads its rows. */
export async function readAt(path: string, wanted: Wanted = {}, options: DatasetOptions = {}): Promise<Read> {
  const dataset = await openDataset(path, wanted, options);
  return { ...dataset, rows: await rowsOf(dataset) };
}

export async function rowsOf(dataset: Dataset): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of dataset.rows()) rows.push(row);
  return rows;
}

/** What a promise fails with. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}
