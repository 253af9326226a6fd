// Checks the pages of Parquet columns before hyparquet decodes them, for it takes every length and count in them at its word.
import type { ColumnMetaData, Compressors, DataPageHeader, FileMetaData, PageHeader, SchemaTree } from 'hyparquet';

type RowGroup = FileMetaData['row_groups'][number];

/** Called with bytes of the file and where they begin, before they are decoded. @throws RangeError for pages that cannot be */
export type PageCheck = (start: number, bytes: ArrayBuffer) => void;

/** A column chunk: pages one after the other. */
interface Chunk extends Pick<ColumnMetaData, 'codec'> {
  readonly start: number;
  readonly end: number;
  /** Values in all its pages, nulls counted. */
  readonly values: number;
  /** Bits of a repetition and of a definition level; none where the column has no such levels. */
  readonly bits: readonly [number, number];
}

/**
 * The check for the columns of a row group. Reasons, seen in hyparquet 1.31.5: where a header lacks a length (its field has a
 * damaged number), the place in the page becomes NaN, at which DataView reads byte 0, for ever where that is 0; and a run of
 * levels or of dictionary indices is written out to its end even if that is 2^31 values, which ends the process.
 * @param columns names of those to be read
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md#RLE
 */
export async function pageCheck(
  tree: SchemaTree,
  group: RowGroup,
  columns: ReadonlySet<string>,
  compressors: Compressors,
): Promise<PageCheck> {
  const [column, datapage, schema, thrift] = await Promise.all([
    import('hyparquet/src/column.js'),
    import('hyparquet/src/datapage.js'),
    import('hyparquet/src/schema.js'),
    import('hyparquet/src/thrift.js'),
  ]);
  const chunks = group.columns.flatMap(({ meta_data: meta }) => {
    if (meta === undefined || !columns.has(meta.path_in_schema[0] ?? '')) return [];
    const path = schema.getTreePath(tree, meta.path_in_schema);
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    const [repetition, definition] = [schema.getMaxRepetitionLevel(path), schema.getMaxDefinitionLevel(path)];
    return {
      start,
      end: start + Number(meta.total_compressed_size),
      values: Number(meta.num_values),
      codec: meta.codec,
      bits: [32 - Math.clz32(repetition), 32 - Math.clz32(definition)] as const,
    };
  });

  return (start, bytes) => {
    for (const chunk of chunks) {
      const [from, to] = [Math.max(start, chunk.start), Math.min(start + bytes.byteLength, chunk.end)];
      if (from < to) checkPages(new DataView(bytes, from - start, to - from), chunk);
    }
  };

  function checkPages(view: DataView<ArrayBuffer>, chunk: Chunk): void {
    const reader = { view, offset: 0 };
    // what follows the last value is not read by hyparquet either
    for (let seen = 0; reader.offset < view.byteLength - 1 && seen < chunk.values;) {
      const header = column.parquetHeader(reader);
      const size = count('bytes in a page', header.compressed_page_size, view.byteLength - reader.offset);
      count('bytes in a page', header.uncompressed_page_size);
      seen += checkPage(header, new Uint8Array(view.buffer, view.byteOffset + reader.offset, size), chunk);
      reader.offset += size;
    }
  }

  /** @returns how many values the page has */
  function checkPage(header: PageHeader, packed: Uint8Array, chunk: Chunk): number {
    const { data_page_header: one, data_page_header_v2: two, dictionary_page_header: dictionary } = header;
    if (header.type === 'DATA_PAGE_V2') return checkSecond(header, packed, chunk);
    if (header.type === 'DICTIONARY_PAGE') {
      // a value takes a byte at least
      count('values in a dictionary', dictionary?.num_values, header.uncompressed_page_size);
      return 0;
    }
    if (header.type !== 'DATA_PAGE' || one === undefined) throw new RangeError(`a page of type ${header.type}`);
    if (two !== undefined) throw new RangeError('a page of two types');
    const values = count('values in a page', one.num_values, chunk.values);
    const view = viewOf(unpack(packed, header.uncompressed_page_size, chunk));
    let at = 0;
    for (const bits of chunk.bits) {
      if (bits === 0) continue;
      const end = endOfSized(view, at);
      checkLevels(view, at + 4, end, bits, values);
      at = end;
    }
    checkIndices(view, at, one.encoding, values);
    return values;
  }

  function checkSecond(header: PageHeader, packed: Uint8Array, chunk: Chunk): number {
    const two = header.data_page_header_v2;
    const values = count('values in a page', two?.num_values, chunk.values);
    count('nulls in a page', two?.num_nulls, values);
    count('rows in a page', two?.num_rows, values);
    const sizes = [two?.repetition_levels_byte_length, two?.definition_levels_byte_length];
    let at = 0;
    sizes.forEach((size, i) => {
      const end = at + count('bytes of levels', size, Math.min(packed.length, header.uncompressed_page_size) - at);
      if (chunk.bits[i]! > 0) checkLevels(viewOf(packed), at, end, chunk.bits[i]!, values);
      at = end;
    });
    const rest = packed.subarray(at);
    const isPacked = two?.is_compressed !== false;
    const page = isPacked ? unpack(rest, header.uncompressed_page_size - at, chunk) : rest;
    checkIndices(viewOf(page), 0, two?.encoding, values);
    return values;
  }

  function unpack(packed: Uint8Array, size: number, { codec }: Chunk): Uint8Array {
    return datapage.decompressPage(packed, size, codec, compressors);
  }

  function checkIndices(
    view: DataView,
    at: number,
    encoding: DataPageHeader['encoding'] | undefined,
    most: number,
  ): void {
    if (encoding === 'RLE') checkRuns(view, at + 4, endOfSized(view, at), 1, most);
    if (!encoding?.endsWith('_DICTIONARY') || at >= view.byteLength) return;
    checkRuns(view, at + 1, view.byteLength, count('bits of an index', view.getUint8(at), 32), most);
  }

  function checkLevels(view: DataView, begin: number, end: number, bits: number, values: number): void {
    const levels = checkRuns(view, begin, end, bits, values);
    // hyparquet would go on in what follows
    if (levels < values) throw new RangeError(`${levels} levels of ${values} values`);
  }

  /** Runs of the hybrid of run lengths and packed bits, whose groups of eight may go past the last value. @returns how many values they have */
  function checkRuns(view: DataView, begin: number, end: number, bits: number, values: number): number {
    const reader = { view, offset: begin };
    let seen = 0;
    while (seen < values && reader.offset < end) {
      const header = thrift.readVarInt(reader);
      const isPacked = (header & 1) === 1;
      const run = count('values in a run', isPacked ? (header >> 1) * 8 : header >>> 1, values + 7);
      reader.offset += Math.ceil((isPacked ? run * bits : bits) / 8);
      seen += run;
    }
    return seen;
  }
}

/** Where runs end that stand behind their length in four bytes. */
function endOfSized(view: DataView, at: number): number {
  return at + 4 + count('bytes of levels', view.getUint32(at, true), view.byteLength - at - 4);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** A whole number from 0 to `most`. @throws RangeError for anything else */
function count(what: string, found: number | undefined, most = Infinity): number {
  if (found !== undefined && Number.isInteger(found) && found >= 0 && found <= most) return found;
  throw new RangeError(`${found ?? 'no number of'} ${what}${most === Infinity ? '' : `, at most ${most} possible`}`);
}
