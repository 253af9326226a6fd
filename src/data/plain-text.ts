// Plain text: a line is a text; nothing else is in it.
import type { DataFile } from './data-file.ts';
import { linesOf } from './lines.ts';
import type { Format, Table, TableRow } from './table.ts';

export const plainText: Format = {
  extensions: ['txt'],
  open: (file) => Promise.resolve(lineTable(file)),
};

function lineTable(file: DataFile): Table {
  return { format: 'plain text', unit: 'line', names: ['text'], layout: { text: 0 }, read: () => textRows(file) };
}

async function* textRows(file: DataFile): AsyncGenerator<readonly TableRow[]> {
  for await (const lines of linesOf(file)) {
    yield lines.filter(({ text }) => text.trim() !== '').map(({ line, text }) => ({ line, fields: [text] }));
  }
}
