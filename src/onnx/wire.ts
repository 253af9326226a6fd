// Protobuf's wire format (protobuf.dev/programming-guides/encoding): headers read and written by hand, so that payloads can stay where they are.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ModelError } from '../errors.ts';

/** Bytes that can be read in places: a file, or memory. */
export interface ByteSource {
  readonly length: number;
  /** The bytes [offset, offset + length); the caller has checked the range. */
  read(offset: number, length: number): Uint8Array;
  /** One byte; the caller has checked the place. Headers are read byte by byte: a view for each would cost ten times as much. */
  byte(offset: number): number;
}

/** A source over memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  const read = (offset: number, length: number): Uint8Array => bytes.subarray(offset, offset + length);
  return { length: bytes.length, read, byte: (offset) => bytes[offset]! };
}

/** Header bytes lie scattered between payloads: one window of this size serves a run of them with one read. */
const WINDOW = 1 << 16;

/** Call `use` with a source over a file; headers are served from a window of 64 KiB. Throws what opening throws (ENOENT, EISDIR …). */
export function withFile<T>(path: string, use: (source: ByteSource) => T): T {
  const fd = openSync(path, 'r');
  try {
    const length = fstatSync(fd).size;
    let window: Uint8Array = new Uint8Array(0);
    let start = 0;
    const fill = (offset: number, wanted: number): Uint8Array => {
      const bytes = new Uint8Array(Math.min(wanted, length - offset));
      let done = 0;
      while (done < bytes.length) {
        const got = readSync(fd, bytes, done, bytes.length - done, offset + done);
        if (got === 0)
          throw new ModelError(`${path}: expected ${length} bytes, found the end of the file at ${offset + done}`);
        done += got;
      }
      return bytes;
    };
    return use({
      length,
      read(offset, wanted) {
        if (wanted > WINDOW) return fill(offset, wanted);
        if (offset < start || offset + wanted > start + window.length) {
          window = fill(offset, WINDOW);
          start = offset;
        }
        return window.subarray(offset - start, offset - start + wanted);
      },
      byte(offset) {
        if (offset < start || offset >= start + window.length) {
          window = fill(offset, WINDOW);
          start = offset;
        }
        return window[offset - start]!;
      },
    });
  } finally {
    closeSync(fd);
  }
}

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

/** One field's header. `start` is where its tag begins, `body` where its value begins, `end` where the next field begins. */
export interface Field {
  readonly number: number;
  readonly wire: number;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** Header of the field at `offset`; `end` is where the enclosing message ends. Throws RangeError with the byte's place where the bytes are no field. */
export function readField(source: ByteSource, offset: number, end: number): Field {
  const [tag, afterTag] = readVarint(source, offset, end);
  const number = Math.floor(tag / 8);
  const wire = tag % 8;
  if (number === 0 || number > 536870911)
    throw new RangeError(`byte ${offset}: expected a protobuf field, found field number ${number}`);
  const next = valueEnd(source, afterTag, end, wire, offset);
  if (next.end > end) {
    throw new RangeError(
      `byte ${offset}: field ${number} claims ${next.end - next.body} bytes, found ${end - next.body} left`,
    );
  }
  return { number, wire, start: offset, body: next.body, end: next.end };
}

function valueEnd(
  source: ByteSource,
  at: number,
  end: number,
  wire: number,
  offset: number,
): { body: number; end: number } {
  if (wire === VARINT) return { body: at, end: readVarint(source, at, end)[1] };
  if (wire === FIXED64) return { body: at, end: at + 8 };
  if (wire === FIXED32) return { body: at, end: at + 4 };
  if (wire !== LENGTH_DELIMITED)
    throw new RangeError(`byte ${offset}: expected protobuf wire type 0, 1, 2 or 5, found ${wire}`);
  const [length, body] = readVarint(source, at, end);
  return { body, end: body + length };
}

/** A varint as a number (exact below 2^53, larger values only need to be large) and the offset behind it. */
function readVarint(source: ByteSource, offset: number, end: number): [number, number] {
  const last = Math.min(offset + 10, end);
  let value = 0;
  let factor = 1;
  for (let at = offset; at < last; at++) {
    const byte = source.byte(at);
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at + 1];
    factor *= 128;
  }
  throw new RangeError(
    `byte ${offset}: expected a varint, found ${last - offset < 10 ? 'the end of the message' : 'more than 10 bytes'}`,
  );
}

/** Bytes of a varint (value below 2^53). */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

/** Header of a length-delimited field. */
export function lengthHeader(number: number, length: number): Uint8Array {
  const tag = varint(number * 8 + LENGTH_DELIMITED);
  const size = varint(length);
  const bytes = new Uint8Array(tag.length + size.length);
  bytes.set(tag);
  bytes.set(size, tag.length);
  return bytes;
}
