// What every data format is read into: numbered rows of fields, a header if there is one, and the lines that are no rows.

/** A row of fields; a field is undefined where the row has nothing of that name. */
export interface TableRow {
  /** 1-based line on which the row begins. */
  readonly line: number;
  readonly fields: readonly (string | undefined)[];
}

/** A line that could not be used, and why. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
}

export interface Table {
  /** What was read, as shown to the user: 'TSV', 'CSV with ;' … */
  readonly format: string;
  /** Column names where the format has them for certain (JSON keys); a first row that may be a header stays in `rows`. */
  readonly names?: readonly string[];
  /** Columns by position that the format itself lays down. */
  readonly layout?: { readonly text: number; readonly textPair?: number; readonly label: number };
  readonly rows: readonly TableRow[];
  readonly bad: readonly BadRow[];
  /** True where rows may have more fields than the columns they need. */
  readonly ragged?: boolean;
}

/** A file format: one file in this folder, one line in `formats.ts`. */
export interface Format {
  /** File extensions, lower case, without the dot. */
  readonly extensions: readonly string[];
  /** Reads the whole text of a file. Lines that cannot be read become `bad`; nothing else is left out but empty lines. */
  parse(text: string): Promise<Table>;
}

/** The lines of a text with their 1-based numbers, without line ends; empty lines are no rows. */
export function* linesOf(text: string): Generator<{ line: number; text: string }> {
  let line = 0;
  for (let from = 0; from < text.length;) {
    line++;
    const found = text.indexOf('\n', from);
    const end = found < 0 ? text.length : found;
    const stop = end > from && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    if (stop > from) yield { line, text: text.slice(from, stop) };
    from = end + 1;
  }
}
