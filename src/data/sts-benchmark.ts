// The layout of the STS benchmark: tab-separated under the name .csv, no header, no quoting, score in column 5, sentences in 6 and 7.
import type { DataFile } from './data-file.ts';
import { wholeLines } from './lines.ts';
import type { Table } from './table.ts';
import { tabTable } from './tsv.ts';

/** Columns of the benchmark, from 0: genre, file, year, id, score, sentence 1, sentence 2, then licence columns in some rows. */
const layout = { text: 5, textPair: 6, label: 4 };

/** How many rows decide. */
const sampled = 20;

/** True where the first rows all have seven fields or more and a score from 0 to 5 in the fifth. */
export function isStsBenchmark(head: string): boolean {
  const rows = wholeLines(head).filter((line) => line !== '');
  return (
    rows.length > 0 &&
    rows.slice(0, sampled).every((row) => {
      const fields = row.split('\t');
      return fields.length >= 7 && /^[0-5](\.\d+)?$/.test((fields[layout.label] ?? '').trim());
    })
  );
}

/** Its table; rows may have more than seven fields. */
export function stsBenchmarkTable(file: DataFile): Table {
  return { ...tabTable(file), format: 'STS benchmark (tab-separated, no header)', layout, ragged: true };
}
