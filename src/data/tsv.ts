// Tab-separated values as GLUE and the CoNLL tasks write them: no quoting, a `"` is a character like any other.
import type { DataFile } from './data-file.ts';
import { linesOf } from './lines.ts';
import type { Format, Table, TableRow } from './table.ts';

export const tsv: Format = {
  extensions: ['tsv'],
  open: (file) => Promise.resolve(tabTable(file)),
};

/** A table of tab-separated fields; empty lines are skipped. */
export function tabTable(file: DataFile): Table {
  return { format: 'TSV', unit: 'line', read: () => tabRows(file) };
}

async function* tabRows(file: DataFile): AsyncGenerator<readonly TableRow[]> {
  for await (const lines of linesOf(file)) {
    yield lines.filter(({ text }) => text !== '').map(({ line, text }) => ({ line, fields: text.split('\t') }));
  }
}
