// JSON documents: a list of objects, SQuAD, an object of lists such as CLINC150; and JSON Lines under this name.
import { DataError } from '../errors.ts';
import { cellOf } from './cells.ts';
import type { DataFile } from './data-file.ts';
import { isJsonObject } from './json-file.ts';
import { itemsOf, parseJson, type JsonItem } from './json-items.ts';
import { jsonLinesTable, rowsForNames } from './jsonl.ts';
import { isArticle, squadTable } from './squad.ts';
import type { Entry, Format, Table } from './table.ts';
import { headOf } from './text-file.ts';

export const json: Format = {
  extensions: ['json'],
  async open(file, split) {
    if (isJsonLines(await headOf(file))) return jsonLinesTable(file);
    const lists = await survey(file);
    const key = choose(file.path, [...lists.keys()], split);
    const first = lists.get(key) ?? [];
    if (first.some(isArticle)) return squadTable(file, key);
    const names = [...new Set(first.filter(isJsonObject).flatMap((item) => Object.keys(item)))];
    return listTable(file, key, names, [...lists.keys()]);
  },
};

/** True where the first line is an object of its own and another follows. */
function isJsonLines(head: string): boolean {
  const [first, second] = head.split('\n').filter((line) => line.trim() !== '');
  if (second === undefined || !second.startsWith('{')) return false;
  try {
    return isJsonObject(JSON.parse(first ?? ''));
  } catch {
    return false;
  }
}

/** The lists of a document by their field, each with its first items. A document that is a list is read no further than these. */
async function survey(file: DataFile): Promise<Map<string | undefined, unknown[]>> {
  const lists = new Map<string | undefined, unknown[]>();
  for await (const items of itemsOf(file)) {
    for (const item of items) {
      const list = lists.get(item.key) ?? [];
      if (list.length < rowsForNames) list.push(parseJson(file.path, item));
      lists.set(item.key, list);
    }
    if ((lists.get(undefined)?.length ?? 0) >= rowsForNames) break;
  }
  return lists;
}

/** Names of the part of a data set that is for trying things on, the best one first. */
const preferred: readonly string[] = ['data', 'validation', 'val', 'dev', 'test'];

function choose(path: string, keys: readonly (string | undefined)[], split: string | undefined): string | undefined {
  const names = keys.filter((key) => key !== undefined);
  const found = names.length === 0 ? 'none' : `lists ${names.join(', ')}`;
  if (split !== undefined) {
    if (names.includes(split)) return split;
    throw new DataError(
      `${path}: expected a list '${split}', found ${keys.includes(undefined) ? 'one without a name' : found}`,
    );
  }
  if (keys.length === 1) return keys[0];
  const key = preferred.find((name) => names.includes(name));
  if (key !== undefined) return key;
  throw new DataError(`${path}: expected a list of rows, or lists of which one is named validation, found ${found}`);
}

function listTable(
  file: DataFile,
  key: string | undefined,
  names: readonly string[],
  keys: readonly (string | undefined)[],
): Table {
  const others = keys.filter((other) => other !== key).join(', ');
  const list = key === undefined ? 'list' : `list '${key}'${others === '' ? '' : `; others: ${others}`}`;
  return {
    format: `JSON (${list})`,
    unit: 'row',
    ...(names.length === 0 ? {} : { names }),
    read: () => listRows(file, key, names),
  };
}

async function* listRows(
  file: DataFile,
  key: string | undefined,
  names: readonly string[],
): AsyncGenerator<readonly Entry[]> {
  let row = 0;
  for await (const items of itemsOf(file)) {
    yield items.filter((item) => item.key === key).map((item) => rowOf(file.path, item, ++row, names));
  }
}

/** An object's fields by name, or a list's by place where there are no names. */
function rowOf(path: string, item: JsonItem, line: number, names: readonly string[]): Entry {
  const value = parseJson(path, item);
  if (names.length === 0 && Array.isArray(value)) return { line, fields: value.map((field: unknown) => cellOf(field)) };
  if (isJsonObject(value)) return { line, fields: names.map((name) => cellOf(value[name])) };
  return { line, reason: `expected a JSON object${names.length === 0 ? ' or list' : ''}, found another value` };
}
