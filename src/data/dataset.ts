// What a data file is to the rest: rows that are read from it anew whenever they are wanted, and a count of what could not be used.
import type { BadRow } from './table.ts';

/** One example. Which fields it has follows from the format and the columns of its file. */
export interface Row {
  /** 1-based line of the file on which it begins; in Parquet and JSON documents its row. */
  readonly line: number;
  /** The text; the context of a question; the words of a tagged sentence with spaces between. */
  readonly text: string;
  /** The second text of a pair; the question about a context. */
  readonly textPair?: string;
  /** As written in the file; names in a list are joined by '|'. */
  readonly label?: string;
  /** The names of a label that is a list (JSON, Parquet). */
  readonly labels?: readonly string[];
  /** Words with a tag each, for token classification. */
  readonly words?: readonly string[];
  readonly tags?: readonly string[];
  /** Accepted answers to a question; none where it cannot be answered. */
  readonly answers?: readonly string[];
}

/** Columns used, by name or by position from 1 where there is no header, as shown to the user. */
export interface ShownColumns {
  readonly text: string;
  readonly textPair?: string;
  readonly label?: string;
  readonly tags?: string;
  readonly answers?: string;
}

export interface Dataset {
  readonly path: string;
  /** The format found, as shown to the user. */
  readonly format: string;
  /** What `line` counts: default lines. */
  readonly unit?: 'line' | 'row';
  readonly columns: ShownColumns;
  /** Names of the classes by their numbers, where the file has them: its labels or tags are these names. */
  readonly classes?: readonly string[];
  /** Rows that `rows` gives: those of the file, or a sample of them. */
  readonly size: number;
  /** Usable rows of the file. */
  readonly total: number;
  /** The first rows that cannot be used, by line; at most 100. */
  readonly bad: readonly BadRow[];
  /** How many cannot be used. */
  readonly badRows: number;
  /**
   * The rows in the order of the file, which is read again each time: memory does not follow their number.
   * @throws DataError where the file no longer gives what it gave at first
   */
  rows(): AsyncIterable<Row>;
}

/** The first rows of a data set, at most `most`. */
export async function firstRows(dataset: Dataset, most: number): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of dataset.rows()) if (rows.push(row) >= most) break;
  return rows;
}

/** Rows in memory as a data set. */
export function datasetOf(rows: readonly Row[], about: Pick<Dataset, 'path' | 'format' | 'columns'>): Dataset {
  return {
    ...about,
    size: rows.length,
    total: rows.length,
    bad: [],
    badRows: 0,
    async *rows() {
      yield* rows;
    },
  };
}
