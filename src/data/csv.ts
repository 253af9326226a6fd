// Comma-separated values (RFC 4180 with quoting), by csv-parse; also with semicolons, and the STS benchmark under this name.
import { isStsBenchmark, parseStsBenchmark } from './sts-benchmark.ts';
import { splitTabs } from './tsv.ts';
import type { BadRow, Format, Table, TableRow } from './table.ts';

export const csv: Format = {
  extensions: ['csv'],
  async parse(text) {
    if (isStsBenchmark(text)) return parseStsBenchmark(text);
    const delimiter = delimiterOf(text);
    if (delimiter === '\t') return { format: 'TSV', rows: splitTabs(text), bad: [] };
    return parseQuoted(text, delimiter);
  },
};

/** The separator that is most frequent in the first line outside quotes; a comma where there is none. */
function delimiterOf(text: string): ',' | ';' | '\t' {
  const end = text.indexOf('\n');
  const first = text.slice(0, end < 0 ? text.length : end).replace(/"(?:[^"]|"")*"/g, '');
  const count = (character: string): number => first.split(character).length - 1;
  const [comma, semicolon, tab] = [count(','), count(';'), count('\t')];
  if (tab > comma && tab >= semicolon) return '\t';
  return semicolon > comma ? ';' : ',';
}

/** csv-parse reports where a record ends; it begins on the first line after the previous one that is not empty. */
async function parseQuoted(text: string, delimiter: string): Promise<Table> {
  const { parse } = await import('csv-parse/sync');
  const empty = emptyLines(text);
  const bad: BadRow[] = [];
  const rows: TableRow[] = [];
  let next = 1;
  const begin = (end: number): number => {
    while (empty.has(next)) next++;
    const line = next;
    next = end + 1;
    return line;
  };
  parse(text, {
    delimiter,
    relax_quotes: true, // a quote inside an unquoted field is a character, as Python's csv has it
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      bad.push({ line: begin(Number(error?.['lines'] ?? next)), reason: reasonOf(error?.code) });
      return undefined;
    },
    on_record: (fields: string[], info) => {
      rows.push({ line: begin(info.lines), fields });
      return null;
    },
  });
  return { format: delimiter === ',' ? 'CSV' : `CSV with ${delimiter}`, rows, bad };
}

function reasonOf(code: string | undefined): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return 'a quote is opened here and never closed; the rest of the file was not read';
  return 'not readable as CSV';
}

function emptyLines(text: string): Set<number> {
  const empty = new Set<number>();
  text.split('\n').forEach((line, i) => {
    if (line === '' || line === '\r') empty.add(i + 1);
  });
  return empty;
}
