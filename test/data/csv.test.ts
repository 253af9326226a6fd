// CSV against Python's csv module (csv/make.py), against a writer of quotes, and at every border between two reads.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, readAt } from './support.ts';

const at = (name: string): string => fileURLToPath(new URL(`csv/${name}`, import.meta.url));

describe("Python's csv module", () => {
  it.each(['odd', 'odd-semicolon'])('reads the same in %s.csv', async (name) => {
    const python = JSON.parse(readFileSync(at(`${name}.json`), 'utf8')) as { line: number; fields: [string, string] }[];
    const rows = python.slice(1).map(({ line, fields: [text, label] }) => ({ line, text, label }));
    const data = await readAt(at(`${name}.csv`));
    expect(data.rows).toEqual(rows.filter(({ text }) => text !== ''));
    expect(data.bad).toEqual(rows.filter(({ text }) => text === '').map(({ line }) => ({ line, reason: 'no text' })));
  });
});

const field = fc
  .array(fc.constantFrom('a', 'ß', '日', '😀', '"', ',', ';', '\n', '\r\n', '\t', ' ', "'"), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => `x${parts.join('')}`);

/** As RFC 4180 has it; quotes where they must be, or always. */
function written(value: string, separator: string, always: boolean): string {
  const must = always || /["\r\n]/.test(value) || value.includes(separator);
  return must ? `"${value.replaceAll('"', '""')}"` : value;
}

it('reads what a writer of quotes wrote, with its lines, however the reads fall', async () => {
  const row = fc.record({ text: field, label: field, always: fc.boolean(), blank: fc.nat({ max: 2 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(',', ';'),
      fc.constantFrom('\n', '\r\n'),
      fc.integer({ min: 1, max: 40 }),
      async (rows, separator, end, chunkBytes) => {
        let content = `text${separator}label${end}`;
        const expected = rows.map(({ text, label, always, blank }) => {
          content += end.repeat(blank);
          const line = content.split('\n').length;
          content += written(text, separator, always) + separator + written(label, separator, always) + end;
          return { line, text, label: label.trim() };
        });
        const data = await read('written.csv', content, {}, { chunkBytes });
        expect(data.rows).toEqual(expected);
        expect(data.bad).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});

describe('CSV that is not right', () => {
  it('names the line of a quote that is never closed, beyond CRLF within quotes and empty lines', async () => {
    const data = await read(
      'open.csv',
      'text,label\r\n"a\r\n\r\nb",1\r\n\r\n\r\nfine,0\r\n"open,0\r\nmore,1\r\n',
      {},
      { chunkBytes: 3 },
    );
    expect(data.rows.map((row) => row.line)).toEqual([2, 7]);
    expect(data.bad).toEqual([{ line: 8, reason: expect.stringContaining('never closed') }]);
  });

  it('names rows with another number of fields', async () => {
    const data = await read('wide.csv', 'text,label\na,1\nb,c,1\n\nd\n');
    expect(data.bad).toEqual([
      { line: 3, reason: 'expected 2 fields, found 3' },
      { line: 5, reason: 'expected 2 fields, found 1' },
    ]);
  });
});
