// Parquet by hyparquet: rows are read in windows of a row group; what is held is one group's packed bytes of the columns wanted.
import { open, type FileHandle } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from 'hyparquet';
import { DataError } from '../errors.ts';
import { cellOf } from './cells.ts';
import { readError, type DataFile } from './data-file.ts';
import { classNames } from './parquet-features.ts';
import { pageCheck, type PageCheck } from './parquet-pages.ts';
import type { Cell, Format, Table, TableRow } from './table.ts';

/** Bytes of values that are decoded at once, and the fewest rows: a page that windows divide is decoded for each of them. */
const [windowBytes, fewestRows] = [2 ** 22, 256];

export const parquet: Format = {
  extensions: ['parquet', 'parq', 'pq'],
  async open(file) {
    if (file.gzip) throw new DataError(`${file.path}: expected a Parquet file as it is, found one named .gz`);
    const { parquetMetadataAsync, parquetSchema } = await import('hyparquet');
    const { metadata, schema, fields } = await withFile(file, async (buffer) => {
      const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
      const schema = parquetSchema(metadata);
      const fields = schema.children;
      // hyparquet's types promise a name, a damaged file does not
      if (fields.some((field) => typeof field.element.name !== 'string'))
        throw new TypeError('a column without a name');
      checkCounts(metadata);
      return { metadata, schema, fields };
    });
    const names = fields.map((field) => field.element.name);
    const classes = classNames(metadata.key_value_metadata ?? [], names);
    return {
      format: 'Parquet',
      unit: 'row',
      names,
      classes,
      read: (columns = names.map((_, i) => i)) => rowsOf(file, { metadata, schema, fields, names, classes, columns }),
    };
  },
};

async function compressors(): Promise<Compressors> {
  const others = await import('hyparquet-compressors');
  return { ...others.compressors, ...zlib };
}

/** Node's own, which are faster than those of hyparquet-compressors. */
const zlib: Compressors = {
  GZIP: (packed, length) => gunzipSync(packed, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (packed, length) => brotliDecompressSync(packed, { maxOutputLength: Math.max(1, length) }),
};

type RowGroup = FileMetaData['row_groups'][number];

interface Reading extends Required<Pick<Table, 'names' | 'classes'>> {
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
  readonly fields: readonly SchemaTree[];
  readonly columns: readonly number[];
}

async function* rowsOf(file: DataFile, reading: Reading): AsyncGenerator<readonly TableRow[]> {
  const handle = await openFile(file);
  try {
    let begin = 0;
    for (const group of reading.metadata.row_groups) {
      const check = await checkOf(reading, group).catch((error: unknown) => {
        throw damaged(file, error);
      });
      const buffer = bufferOf(handle, file.size, check);
      const end = begin + Number(group.num_rows);
      while (begin < end) {
        const next = Math.min(end, begin + windowOf(reading, group, begin));
        yield await readWindow(buffer, reading, begin, next).catch((error: unknown) => {
          throw damaged(file, error);
        });
        begin = next;
      }
    }
  } finally {
    await handle.close();
  }
}

/** Rows that are announced and not there would be made up one by one. @throws RangeError where the counts differ */
function checkCounts({ num_rows: total, row_groups: groups }: FileMetaData): void {
  const rows = groups.reduce((sum, group) => sum + group.num_rows, 0n);
  const short = groups.some((group) =>
    group.columns.some((chunk) => (chunk.meta_data?.num_values ?? 0n) < group.num_rows),
  );
  if (rows !== total || short) throw new RangeError(`counts of rows that differ, ${total} in all`);
}

async function checkOf({ schema, names, columns }: Reading, group: RowGroup): Promise<PageCheck> {
  return pageCheck(schema, group, new Set(columns.map((column) => names[column]!)), await compressors());
}

/** Rows from `rowStart`, counted from 0, to before `rowEnd`, all of one row group. */
async function readWindow(file: AsyncBuffer, reading: Reading, rowStart: number, rowEnd: number): Promise<TableRow[]> {
  const { metadata, names, columns, classes } = reading;
  const { parquetReadObjects } = await import('hyparquet');
  const wanted = columns.map((column) => names[column]!);
  const options = { file, metadata, columns: wanted, compressors: await compressors(), useOffsetIndex: true };
  const rows = await parquetReadObjects({ ...options, rowStart, rowEnd });
  return rows.map((row, i) => {
    const fields: Cell[] = [];
    for (const column of columns) fields[column] = cellOf(row[names[column]!], classes.get(column));
    return { line: rowStart + i + 1, fields };
  });
}

/**
 * Rows to read at once. A list column without an index of its pages is decoded from the beginning of its row group each
 * time, so such a group is read whole. The first window is small: guessing columns needs no more, and reads all of them.
 */
function windowOf({ fields, columns }: Reading, group: RowGroup, begin: number): number {
  const isList = new Map(columns.map((column) => [fields[column]!.element.name, fields[column]!.children.length > 0]));
  const nameOf = (chunk: RowGroup['columns'][number]): string => chunk.meta_data?.path_in_schema[0] ?? '';
  const chunks = group.columns.filter((chunk) => isList.has(nameOf(chunk)));
  const unindexed = chunks.some((chunk) => isList.get(nameOf(chunk)) && chunk.offset_index_offset === undefined);
  if (unindexed) return Number(group.num_rows);
  if (begin === 0) return fewestRows;
  const bytes = chunks.reduce((sum, chunk) => sum + Number(chunk.meta_data?.total_uncompressed_size ?? 0), 0);
  return Math.max(fewestRows, Math.floor((windowBytes * Number(group.num_rows)) / Math.max(1, bytes)));
}

/** A file for hyparquet that keeps what it read, for the windows of one row group ask for the same bytes. */
function bufferOf(handle: FileHandle, byteLength: number, check: PageCheck = () => {}): AsyncBuffer {
  const read = new Map<string, Promise<ArrayBuffer>>();
  return {
    byteLength,
    slice(start, end = byteLength) {
      const key = `${start}-${end}`;
      const bytes = read.get(key) ?? readSlice(handle, start, end).then((slice) => (check(start, slice), slice));
      read.set(key, bytes);
      return bytes;
    },
  };
}

async function readSlice(handle: FileHandle, start: number, end: number): Promise<ArrayBuffer> {
  if (!(start >= 0 && end >= start)) throw new RangeError(`bytes ${start} to ${end}`);
  const bytes = new Uint8Array(end - start);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new RangeError(`${start + done} bytes where ${end} were announced`);
    done += bytesRead;
  }
  return bytes.buffer;
}

async function withFile<T>(file: DataFile, use: (buffer: AsyncBuffer) => Promise<T>): Promise<T> {
  const handle = await openFile(file);
  try {
    return await use(bufferOf(handle, file.size));
  } catch (error) {
    throw damaged(file, error);
  } finally {
    await handle.close();
  }
}

async function openFile({ path }: DataFile): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw readError(path, error);
  }
}

function damaged({ path }: DataFile, error: unknown): DataError {
  const found = error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error);
  return new DataError(`${path}: expected a Parquet file, found one that cannot be read (${found})`, { cause: error });
}
