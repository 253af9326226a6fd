// JSON Lines: one object a line, its keys are the columns.
import { cellOf } from './cells.ts';
import type { DataFile } from './data-file.ts';
import { isJsonObject, type JsonObject } from './json-file.ts';
import { linesOf } from './lines.ts';
import type { Entry, Format, Table } from './table.ts';

/** How many rows are looked at for the names of columns. */
export const rowsForNames = 1000;

export const jsonl: Format = {
  extensions: ['jsonl', 'ndjson'],
  open: jsonLinesTable,
};

/** The table of a file with an object a line; columns are the keys of its first rows. */
export async function jsonLinesTable(file: DataFile): Promise<Table> {
  const names = await namesOf(file);
  return { format: 'JSON Lines', unit: 'line', names, read: () => objectRows(file, names) };
}

async function namesOf(file: DataFile): Promise<string[]> {
  const names = new Set<string>();
  let seen = 0;
  for await (const lines of linesOf(file)) {
    for (const { text } of lines.slice(0, rowsForNames - seen)) {
      const value = parseObject(text);
      if (typeof value !== 'string') Object.keys(value).forEach((name) => names.add(name));
    }
    if ((seen += lines.length) >= rowsForNames) break;
  }
  return [...names];
}

async function* objectRows(file: DataFile, names: readonly string[]): AsyncGenerator<readonly Entry[]> {
  for await (const lines of linesOf(file)) {
    yield lines
      .filter(({ text }) => text.trim() !== '')
      .map(({ line, text }) => {
        const value = parseObject(text);
        return typeof value === 'string'
          ? { line, reason: value }
          : { line, fields: names.map((name) => cellOf(value[name])) };
      });
  }
}

/** The object of a line, or why there is none. */
function parseObject(source: string): JsonObject | string {
  try {
    const value: unknown = JSON.parse(source);
    return isJsonObject(value) ? value : 'expected a JSON object, found another value';
  } catch {
    return 'expected a JSON object, found text that is no JSON';
  }
}
