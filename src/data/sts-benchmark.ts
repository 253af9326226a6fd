// The layout of the STS benchmark: tab-separated under the name .csv, no header, no quoting, score in column 5, sentences in 6 and 7.
import { splitTabs } from './tsv.ts';
import { linesOf, type Table } from './table.ts';

/** Columns of the benchmark, from 0: genre, file, year, id, score, sentence 1, sentence 2, then licence columns in some rows. */
const layout = { text: 5, textPair: 6, label: 4 };

/** How many rows decide. */
const sampled = 20;

/** True where the first rows all have seven fields or more and a score from 0 to 5 in the fifth. */
export function isStsBenchmark(text: string): boolean {
  let rows = 0;
  for (const line of linesOf(text)) {
    const fields = line.text.split('\t');
    const score = fields[layout.label] ?? '';
    if (fields.length < 7 || !/^[0-5](\.\d+)?$/.test(score.trim())) return false;
    if (++rows === sampled) break;
  }
  return rows > 0;
}

/** Reads it; rows may have more than seven fields. */
export function parseStsBenchmark(text: string): Table {
  return {
    format: 'STS benchmark (tab-separated, no header)',
    layout,
    rows: splitTabs(text),
    bad: [],
    ragged: true,
  };
}
