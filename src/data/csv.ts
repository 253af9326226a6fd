// Comma-separated values (RFC 4180 with quoting), by csv-parse; also with semicolons, and the STS benchmark under this name.
import type { DataFile } from './data-file.ts';
import { tooLong, wholeLines } from './lines.ts';
import { isStsBenchmark, stsBenchmarkTable } from './sts-benchmark.ts';
import type { Entry, Format } from './table.ts';
import { headOf, longestRow, textOf } from './text-file.ts';
import { tabTable } from './tsv.ts';

export const csv: Format = {
  extensions: ['csv'],
  async open(file) {
    const head = await headOf(file);
    if (isStsBenchmark(head)) return stsBenchmarkTable(file);
    const delimiter = delimiterOf(wholeLines(head)[0] ?? '');
    if (delimiter === '\t') return tabTable(file);
    return {
      format: delimiter === ',' ? 'CSV' : `CSV with ${delimiter}`,
      unit: 'line',
      read: () => quotedRows(file, delimiter),
    };
  },
};

/** The separator that is most frequent in the first line outside quotes; a comma where there is none. */
function delimiterOf(line: string): ',' | ';' | '\t' {
  const first = line.replace(/"(?:[^"]|"")*("|$)/g, '');
  const count = (character: string): number => first.split(character).length - 1;
  const [comma, semicolon, tab] = [count(','), count(';'), count('\t')];
  if (tab > comma && tab >= semicolon) return '\t';
  return semicolon > comma ? ';' : ',';
}

async function* quotedRows(file: DataFile, delimiter: string): AsyncGenerator<readonly Entry[]> {
  const { parse } = await import('csv-parse');
  let batch: Entry[] = [];
  // A record begins after the one before it and the empty lines between, and has a line more for each line end in a field:
  // csv-parse's own count takes CRLF within quotes for two.
  let [next, empty] = [1, 0];
  const begin = (emptyLines: number): number => {
    next += emptyLines - empty;
    empty = emptyLines;
    return next;
  };
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n'],
    relax_quotes: true, // a quote inside an unquoted field is a character, as Python's csv has it
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: longestRow,
    on_skip: (error) => {
      const line = begin(Number(error?.['empty_lines'] ?? empty));
      if (error?.code === 'CSV_MAX_RECORD_SIZE') throw tooLong(file.path, `line ${line}`);
      batch.push({ line, reason: reasonOf(error?.code) });
      return undefined;
    },
    on_record: (fields: string[], info) => {
      batch.push({ line: begin(info.empty_lines), fields });
      next += 1 + fields.reduce((sum, field) => sum + lineEnds(field), 0);
      return null;
    },
  });
  const step = async (feed: (done: (error?: Error | null) => void) => void): Promise<readonly Entry[]> => {
    await new Promise<void>((resolve, reject) => feed((error) => (error ? reject(error) : resolve())));
    const full = batch;
    batch = [];
    return full;
  };
  // without this a failure would also be thrown outside of any call
  parser.on('error', () => {});
  for await (const piece of textOf(file)) yield await step((done) => parser.write(piece, done));
  parser.resume();
  yield await step((done) => parser.end(done));
}

function reasonOf(code: string | undefined): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return 'a quote is opened here and never closed; the rest of the file was not read';
  return 'not readable as CSV';
}

function lineEnds(field: string): number {
  let count = 0;
  for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) count++;
  return count;
}
