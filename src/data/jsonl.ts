// JSON Lines: one object a line, its keys are the columns; numbers and booleans are read as their text.
import { linesOf, type BadRow, type Format, type TableRow } from './table.ts';

export const jsonl: Format = {
  extensions: ['jsonl', 'ndjson'],
  parse(text) {
    const columns = new Map<string, number>();
    const bad: BadRow[] = [];
    const rows: TableRow[] = [];
    for (const { line, text: source } of linesOf(text)) {
      if (source.trim() === '') continue;
      const value = parseObject(source);
      if (typeof value === 'string') bad.push({ line, reason: value });
      else rows.push({ line, fields: fieldsOf(value, columns) });
    }
    return Promise.resolve({ format: 'JSON Lines', names: [...columns.keys()], rows, bad });
  },
};

/** The object of a line, or why there is none. */
function parseObject(source: string): object | string {
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    return 'expected a JSON object, found another value';
  } catch {
    return 'expected a JSON object, found text that is no JSON';
  }
}

/** Fields by column; a key that was not seen before becomes a new column. Objects, lists and null count as nothing. */
function fieldsOf(value: object, columns: Map<string, number>): (string | undefined)[] {
  const fields: (string | undefined)[] = [];
  for (const [key, field] of Object.entries(value)) {
    let column = columns.get(key);
    if (column === undefined) columns.set(key, (column = columns.size));
    if (typeof field === 'string') fields[column] = field;
    else if (typeof field === 'number' || typeof field === 'boolean') fields[column] = String(field);
  }
  return fields;
}
