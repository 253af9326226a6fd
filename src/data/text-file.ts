// The text of a file as a stream or whole, refusing what is no UTF-8 text with one clear line.
import { isUtf8 } from 'node:buffer';
import { DataError } from '../errors.ts';
import { bytesOf, lookAt, type DataFile } from './data-file.ts';

/** Characters that are looked at to tell what a file is. */
const headLength = 65_536;

/** How far a zero byte says that a file is no text. */
const binaryWithin = 8192;

/** Longest row in characters: what is longer is no data, and would be held in memory whole. */
export const longestRow = 2 ** 26;

/**
 * The text of a file without its byte order mark, in pieces that end where the reads happen to end.
 * @throws DataError for a file that is unreadable, empty, binary or not UTF-8, naming the line
 */
export async function* textOf(file: DataFile): AsyncGenerator<string> {
  let carried: Buffer = Buffer.alloc(0);
  let [offset, line] = [0, 1];
  const take = (buffer: Buffer, last: boolean): string => {
    if (offset === 0) checkStart(file.path, buffer);
    const zero = offset < binaryWithin ? buffer.subarray(0, binaryWithin - offset).indexOf(0) : -1;
    if (zero >= 0) throw new DataError(`${file.path}: expected UTF-8 text, found a binary file`);
    const whole = buffer.subarray(0, last ? buffer.length : endOfWhole(buffer));
    if (!isUtf8(whole)) {
      line += linesBeforeFault(whole);
      throw new DataError(`${file.path} line ${line}: expected UTF-8 text, found bytes that are not UTF-8`);
    }
    const marked = offset === 0 && whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf;
    offset += whole.length;
    line += countLines(whole);
    carried = buffer.subarray(whole.length);
    return whole.toString('utf8', marked ? 3 : 0);
  };
  for await (const chunk of bytesOf(file)) {
    const buffer = carried.length === 0 ? chunk : Buffer.concat([carried, chunk]);
    // the marks that tell an encoding are up to three bytes long
    if (offset === 0 && buffer.length < 4) carried = buffer;
    else yield take(buffer, false);
  }
  if (offset === 0 && carried.length === 0) throw new DataError(`${file.path}: expected text, found an empty file`);
  if (carried.length > 0) yield take(carried, true);
}

/** The first characters of a text file, as many however it is read. @throws DataError as `textOf` */
export async function headOf(file: DataFile): Promise<string> {
  let head = '';
  for await (const piece of textOf(file)) {
    head += piece;
    if (head.length >= headLength) break;
  }
  return head.slice(0, headLength);
}

/** The text of a file whole. @throws DataError as `textOf`, and for a file that is missing */
export async function readTextFile(path: string): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of textOf({ ...(await lookAt(path)), gzip: false })) pieces.push(piece);
  return pieces.join('');
}

function checkStart(path: string, bytes: Buffer): void {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new DataError(`${path}: expected UTF-8 text, found UTF-16`);
  }
  if (first === 0x1f && second === 0x8b) {
    throw new DataError(`${path}: expected UTF-8 text, found gzip data (such a file's name ends in .gz)`);
  }
}

/** Where the last whole character of a piece ends: a character that is cut off waits for the next piece. */
function endOfWhole(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue; // a byte within a character
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

/** How many line ends come before the first bytes that are not UTF-8. */
function linesBeforeFault(bytes: Buffer): number {
  let lines = 0;
  for (let from = 0; from < bytes.length; lines++) {
    const found = bytes.indexOf(10, from);
    const end = found < 0 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(from, end))) break;
    from = end + 1;
  }
  return lines;
}
