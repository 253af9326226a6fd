// What a value of JSON or Parquet is as a cell: text, a list of texts, or nothing.
import { isJsonObject } from './json-file.ts';
import type { Cell } from './table.ts';

/**
 * Strings, numbers and booleans are their text; lists of these are lists. Answers as SQuAD has them, `{text: […]}` or
 * `[{text}, …]`, are the list of their texts. Everything else, null too, counts as nothing.
 * @param names of classes, where numbers stand for them; -1 is no class, as data sets mark hidden labels
 */
export function cellOf(value: unknown, names?: readonly string[]): Cell {
  if (isJsonObject(value))
    return Array.isArray(value['text']) ? cellOf(value['text']) : scalarOf(value['text'], undefined);
  if (!isList(value)) return scalarOf(value, names);
  const items = Array.from(value, (item) =>
    isJsonObject(item) ? scalarOf(item['text'], names) : scalarOf(item, names),
  );
  return items.every((item) => item !== undefined) ? items : undefined;
}

function scalarOf(value: unknown, names: readonly string[] | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  if (names === undefined) return String(value);
  return Number(value) === -1 ? undefined : (names[Number(value)] ?? String(value));
}

/** A list or an array of numbers; bytes are no list. */
function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof Uint8Array) && 'length' in value);
}
