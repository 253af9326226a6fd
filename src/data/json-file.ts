// Reads a JSON file that must hold one object, and its fields with their types checked.
import { DataError } from '../errors.ts';
import { readTextFile } from './text-file.ts';

/** A JSON object whose fields are still to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws DataError for a file that is missing, is no JSON, or holds something other than an object */
export async function readJsonObject(path: string): Promise<JsonObject> {
  const text = await readTextFile(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path}: expected JSON, found text that is not (${messageOf(error)})`, {
      cause: error,
    });
  }
  if (!isJsonObject(value)) throw new DataError(`${path}: expected a JSON object, found another value`);
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that is a whole number, else undefined. */
export function integerField(object: JsonObject, name: string): number | undefined {
  const value = object[name];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** A field that is a string, else undefined. */
export function stringField(object: JsonObject, name: string): string | undefined {
  const value = object[name];
  return typeof value === 'string' ? value : undefined;
}

/** What a thrown value says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
