// A data file on disk: its name without .gz, whether it is still the one first seen, and its bytes as a stream.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DataError } from '../errors.ts';

export interface DataFile {
  readonly path: string;
  /** The path without `.gz`, whose extension names the format. */
  readonly name: string;
  readonly gzip: boolean;
  /** Bytes on disk. */
  readonly size: number;
  /** When it was last written, in milliseconds. */
  readonly modified: number;
  /** Bytes read at once. */
  readonly chunkBytes: number;
}

/** Looks at a file without reading it. @throws DataError where it is missing or no file */
export async function lookAt(path: string, chunkBytes = 65_536): Promise<DataFile> {
  const gzip = /\.gz$/i.test(path);
  const { size, mtimeMs } = await statOf(path);
  return { path, name: gzip ? path.slice(0, -3) : path, gzip, size, modified: mtimeMs, chunkBytes };
}

/** @throws DataError where the file is not the one that was looked at, as far as size and time of writing tell */
export async function checkUnchanged(file: DataFile): Promise<void> {
  const { size, mtimeMs } = await statOf(file.path);
  if (size !== file.size || mtimeMs !== file.modified) throw changed(file);
}

/** The error for a file that changed while it was being used. */
export function changed({ path }: DataFile): DataError {
  return new DataError(`${path}: expected the file as it was when it was first read, found it changed`);
}

/** The file's extension in lower case, before `.gz`; empty where it has none. */
export function extensionOf({ name }: DataFile): string {
  return /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
}

/** The bytes of a file, unpacked where it is a gzip file. @throws DataError where it cannot be read or is damaged */
export async function* bytesOf(file: DataFile): AsyncGenerator<Buffer> {
  const source = createReadStream(file.path, { highWaterMark: file.chunkBytes });
  const stream = file.gzip ? unpacked(source, file.chunkBytes) : source;
  try {
    for await (const chunk of stream) yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
  } catch (error) {
    throw readError(file.path, error);
  } finally {
    source.destroy();
  }
}

/** What a gzip stream holds; a pipeline hands on errors, which the reader of the result sees. */
function unpacked(source: Readable, chunkBytes: number): Readable {
  // 64 is the smallest buffer that zlib takes
  return pipeline(source, createGunzip({ chunkSize: Math.max(64, chunkBytes) }), () => {});
}

async function statOf(path: string): Promise<{ size: number; mtimeMs: number }> {
  const found = await stat(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  if (found.isDirectory()) throw new DataError(`${path}: expected a readable file, found a folder`);
  if (!found.isFile()) throw new DataError(`${path}: expected a file that can be read twice, found a pipe or device`);
  return found;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'expected a readable file, found no such file',
  ENOTDIR: 'expected a readable file, found no such file',
  EISDIR: 'expected a readable file, found a folder',
  EACCES: 'expected a readable file, found no permission to read it',
  Z_DATA_ERROR: 'expected gzip data, found data that is damaged or no gzip',
  Z_BUF_ERROR: 'expected gzip data, found it cut short',
};

/** A system error as one line that names the file. */
export function readError(path: string, error: unknown): DataError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new DataError(`${path}: ${reasons[code] ?? `expected a readable file, found error ${code}`}`, {
    cause: error,
  });
}
