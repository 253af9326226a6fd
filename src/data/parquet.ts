// Parquet by hyparquet: rows are read in windows of a row group, and only the columns wanted, so that the file is never held whole.
import { open, type FileHandle } from 'node:fs/promises';
import type { AsyncBuffer, FileMetaData, SchemaTree } from 'hyparquet';
import { DataError } from '../errors.ts';
import { cellOf } from './cells.ts';
import { readError, type DataFile } from './data-file.ts';
import { classNames } from './parquet-features.ts';
import type { Format, Table, TableRow } from './table.ts';

/** Rows that become objects at once; the first time few, for these are all that guessing columns looks at. */
const [firstWindow, window] = [256, 8192];

export const parquet: Format = {
  extensions: ['parquet', 'parq', 'pq'],
  async open(file) {
    if (file.gzip) throw new DataError(`${file.path}: expected a Parquet file as it is, found one named .gz`);
    const { parquetMetadataAsync, parquetSchema } = await import('hyparquet');
    const metadata = await withFile(file, (buffer) => parquetMetadataAsync(buffer, { geoparquet: false }));
    const fields = parquetSchema(metadata).children;
    const names = fields.map((field) => field.element.name);
    const classes = classNames(metadata.key_value_metadata ?? [], names);
    return {
      format: 'Parquet',
      unit: 'row',
      names,
      classes,
      read: (columns = names.map((_, i) => i)) => rowsOf(file, { metadata, fields, names, classes, columns }),
    };
  },
};

interface Reading extends Required<Pick<Table, 'names' | 'classes'>> {
  readonly metadata: FileMetaData;
  readonly fields: readonly SchemaTree[];
  readonly columns: readonly number[];
}

async function* rowsOf(file: DataFile, reading: Reading): AsyncGenerator<readonly TableRow[]> {
  const { metadata, names, columns, classes } = reading;
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const handle = await openFile(file);
  try {
    let begin = 0;
    for (const group of metadata.row_groups) {
      const buffer = bufferOf(handle, file.size);
      const end = begin + Number(group.num_rows);
      while (begin < end) {
        const rowEnd = Math.min(end, begin + windowOf(reading, group, begin));
        const options = { file: buffer, metadata, columns: columns.map((column) => names[column]!), compressors };
        const rows = await parquetReadObjects({ ...options, rowStart: begin, rowEnd, useOffsetIndex: true }).catch(
          (error) => {
            throw damaged(file, error);
          },
        );
        yield rows.map((row, i) => {
          const fields: TableRow['fields'][number][] = [];
          for (const column of columns) fields[column] = cellOf(row[names[column]!], classes.get(column));
          return { line: begin + i + 1, fields };
        });
        begin = rowEnd;
      }
    }
  } finally {
    await handle.close();
  }
}

/**
 * Rows to read at once. A list column without an index of its pages is decoded from the beginning of its row group each
 * time, so such a group is read whole.
 */
function windowOf({ fields, columns }: Reading, group: FileMetaData['row_groups'][number], begin: number): number {
  const lists = columns
    .filter((column) => fields[column]!.children.length > 0)
    .map((column) => fields[column]!.element.name);
  const unindexed = group.columns.some(
    (chunk) => lists.includes(chunk.meta_data?.path_in_schema[0] ?? '') && chunk.offset_index_offset === undefined,
  );
  if (unindexed) return Number(group.num_rows);
  return begin === 0 ? firstWindow : window;
}

/** A file for hyparquet that keeps what it read, for the windows of one row group ask for the same bytes. */
function bufferOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  const read = new Map<string, Promise<ArrayBuffer>>();
  return {
    byteLength,
    slice(start, end = byteLength) {
      const key = `${start}-${end}`;
      const bytes = read.get(key) ?? readSlice(handle, start, end);
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
