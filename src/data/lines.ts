// The lines of a text file as a stream, with their numbers.
import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';
import { longestRow, textOf } from './text-file.ts';

export interface Line {
  /** From 1. */
  readonly line: number;
  /** Without its line end (LF or CRLF). */
  readonly text: string;
}

/** All lines, empty ones too, in batches. @throws DataError as `textOf`, and for a line that is no line of data */
export async function* linesOf(file: DataFile): AsyncGenerator<readonly Line[]> {
  let line = 0;
  let begun: string[] = []; // a line whose end was not read yet, in pieces
  let length = 0;
  for await (const piece of textOf(file)) {
    const batch: Line[] = [];
    let from = 0;
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', from)) {
      const rest = piece.slice(from, end);
      batch.push({ line: ++line, text: withoutReturn(begun.length === 0 ? rest : begun.join('') + rest) });
      [begun, length, from] = [[], 0, end + 1];
    }
    if (from < piece.length) begun.push(piece.slice(from));
    length += piece.length - from;
    if (length > longestRow) throw tooLong(file.path, `line ${line + 1}`);
    if (batch.length > 0) yield batch;
  }
  if (begun.length > 0) yield [{ line: line + 1, text: withoutReturn(begun.join('')) }];
}

/** The whole lines of a text's beginning; the last one may be cut off, and is left out where there are others. */
export function wholeLines(head: string): string[] {
  const lines = head.split('\n');
  if (lines.length > 1) lines.pop();
  return lines.map(withoutReturn);
}

/** The error for a row that is held to be no data. */
export function tooLong(path: string, where: string): DataError {
  return new DataError(`${path} ${where}: expected a row of less than ${longestRow} characters, found a longer one`);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
