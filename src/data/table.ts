// What every data format is read into: numbered rows of cells, a header if there is one, and the lines that are no rows.
import type { DataFile } from './data-file.ts';

/** A field: text, or a list of texts where the format has lists; undefined where the row has nothing of that name. */
export type Cell = string | readonly string[] | undefined;

/** A row of cells. */
export interface TableRow {
  /** 1-based line on which the row begins, or the row itself where the table counts rows. */
  readonly line: number;
  readonly fields: readonly Cell[];
}

/** A line that could not be used, and why. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
}

export type Entry = TableRow | BadRow;

/** Columns by position from 0. */
export interface Places {
  readonly text?: number;
  readonly textPair?: number;
  readonly label?: number;
  readonly tags?: number;
  readonly answers?: number;
}

/** A file that was looked at, and can be read from its start as often as wanted. */
export interface Table {
  /** What was found, as shown to the user: 'TSV', 'CSV with ;' … */
  readonly format: string;
  /** What `line` counts. */
  readonly unit: 'line' | 'row';
  /** Column names where the format has them for certain (JSON keys); a first row that may be a header is a row. */
  readonly names?: readonly string[];
  /** Columns by position that the format itself lays down. */
  readonly layout?: Places;
  /** Names of the classes that a column holds, in the order of their numbers, where the file has them. */
  readonly classes?: ReadonlyMap<number, readonly string[]>;
  /** True where rows may have more fields than the columns they need. */
  readonly ragged?: boolean;
  /**
   * Entries in the order of the file, in batches of the reader's making. Lines that cannot be read are bad rows; nothing
   * else is left out but empty lines.
   * @param columns those wanted, where leaving out the others saves work; all by default
   * @throws DataError where the file cannot be read on
   */
  read(columns?: readonly number[]): AsyncIterable<readonly Entry[]>;
}

/** A file format: one file in this folder, one line in `formats.ts`. */
export interface Format {
  /** File extensions, lower case, without the dot. */
  readonly extensions: readonly string[];
  /** Looks at the beginning of a file. @param split the list wanted of a file that holds several @throws DataError where it is not of this format */
  open(file: DataFile, split?: string): Promise<Table>;
}
