// Reads a text file whole, refusing what is no UTF-8 text with one clear line.
import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { DataError } from '../errors.ts';

/**
 * The text of a file without its byte order mark.
 * @throws DataError for a file that is missing, unreadable, empty, binary or not UTF-8
 */
export async function readTextFile(path: string): Promise<string> {
  const bytes = await readBytes(path);
  if (bytes.length === 0) throw new DataError(`${path}: expected text, found an empty file`);
  if (isUtf16(bytes)) throw new DataError(`${path}: expected UTF-8 text, found UTF-16`);
  const zero = bytes.indexOf(0);
  if (zero >= 0 && zero < 8192) throw new DataError(`${path}: expected UTF-8 text, found a binary file`);
  if (!isUtf8(bytes)) {
    throw new DataError(`${path} line ${firstBadLine(bytes)}: expected UTF-8 text, found bytes that are not UTF-8`);
  }
  return new TextDecoder().decode(bytes);
}

/** The bytes of a file; a system error becomes a DataError that names the file. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DataError(`${path}: expected a readable file, found ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reasons: Record<string, string> = {
    ENOENT: 'no such file',
    EISDIR: 'a folder',
    EACCES: 'no permission to read it',
    ENOTDIR: 'no such file',
  };
  return reasons[code] ?? `error ${code}`;
}

function isUtf16(bytes: Buffer): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}

function firstBadLine(bytes: Buffer): number {
  let line = 1;
  for (let from = 0; from < bytes.length; line++) {
    const found = bytes.indexOf(10, from);
    const end = found < 0 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(from, end))) break;
    from = end + 1;
  }
  return line;
}
