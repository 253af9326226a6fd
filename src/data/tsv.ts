// Tab-separated values as GLUE and the CoNLL tasks write them: no quoting, a `"` is a character like any other.
import { linesOf, type Format, type TableRow } from './table.ts';

export const tsv: Format = {
  extensions: ['tsv'],
  parse: (text) => Promise.resolve({ format: 'TSV', rows: splitTabs(text), bad: [] }),
};

/** Rows of tab-separated fields; empty lines are skipped. */
export function splitTabs(text: string): TableRow[] {
  return Array.from(linesOf(text), (line) => ({ line: line.line, fields: line.text.split('\t') }));
}
