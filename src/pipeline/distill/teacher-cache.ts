// What a teacher gave, kept on disk by row: one file of fixed places, found again by a hash of everything it depends on.
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { readSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../data/json-file.ts';
import type { Encoding } from '../../data/tokenizer/tokenizer.ts';
import { DataError } from '../../errors.ts';
import type { Signal } from '../../passes/student/teacher-graph.ts';
import { writing } from '../../system-errors.ts';

/** Names and places of what is cached of one row. */
export interface CacheLayout {
  readonly signals: readonly Signal[];
  /** Tokens of each row. */
  readonly lengths: ArrayLike<number>;
}

/** Bytes that all rows take. */
export function cacheBytes(layout: CacheLayout): number {
  return offsetsOf(layout).at(-1)!;
}

/**
 * Hash of everything that the rows' bytes depend on, and how many tokens each row has.
 * @param teacher the graph that is asked, by its content, what is asked of it, and what runs it
 */
export function cacheKey(
  teacher: string,
  rows: number,
  encode: (row: number) => Encoding,
): { readonly key: string; readonly lengths: Int32Array } {
  const hash = createHash('sha256').update(teacher);
  const lengths = Int32Array.from({ length: rows }, (_, row) => {
    const { ids, segments } = encode(row);
    hash.update(`${ids.length} `).update(ids).update(segments);
    return ids.length;
  });
  return { key: hash.digest('hex'), lengths };
}

const [ROWS, DONE] = ['rows.bin', 'done.bin'];
/** Rows written between two notes of which are there: what a killed run loses. */
const noteEvery = 4096;

/**
 * An open cache. A row is there once `done` says so; its bytes are those of the signals one after the other. Several runs may
 * have it open, and another may remove it: it is an aid, so that what fails ends its use and not the run.
 */
export class TeacherCache {
  readonly #folder: string;
  readonly #file: number;
  readonly #offsets: Float64Array;
  readonly #done: Uint8Array;
  #fresh = 0;
  #trouble: string | undefined;

  /** Opens or begins the cache in a folder. Throws UsageError where the file system refuses. */
  constructor(folder: string, layout: CacheLayout) {
    this.#folder = folder;
    this.#offsets = offsetsOf(layout);
    const rows = this.#offsets.length - 1;
    const bytes = this.#offsets[rows]!;
    // no other run sees a file that is not there and empties it then
    this.#file = writing(folder, () => openSync(join(folder, ROWS!), constants.O_RDWR | constants.O_CREAT));
    const done = join(folder, DONE!);
    const known = existsSync(done) && fstatSync(this.#file).size === bytes ? readFileSync(done) : undefined;
    this.#done = known?.length === rows ? Uint8Array.from(known) : new Uint8Array(rows);
    writing(folder, () => ftruncateSync(this.#file, bytes));
  }

  /** Why rows are not kept any more. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  has(row: number): boolean {
    return this.#done[row] === 1;
  }

  /** Bytes of a row. */
  size(row: number): number {
    return this.#offsets[row + 1]! - this.#offsets[row]!;
  }

  read(row: number, into: Uint8Array): void {
    const [size, from] = [this.size(row), this.#offsets[row]!];
    for (let at = 0; at < size;) {
      const got = readSync(this.#file, into, at, size - at, from + at);
      if (got === 0)
        throw new DataError(`${join(this.#folder, ROWS!)}: expected ${size - at} bytes more, found the end`);
      at += got;
    }
  }

  /** Nothing more once a write failed, as on a full disk. */
  write(row: number, bytes: Uint8Array): void {
    this.#try(() => {
      for (let at = 0; at < bytes.length;)
        at += writeSync(this.#file, bytes, at, bytes.length - at, this.#offsets[row]! + at);
      this.#done[row] = 1;
      if (++this.#fresh >= noteEvery) this.#note();
    });
  }

  close(): void {
    this.#try(() => this.#note());
    closeSync(this.#file);
  }

  #try(act: () => void): void {
    if (this.#trouble !== undefined) return;
    try {
      act();
    } catch (error) {
      this.#trouble = `teacher outputs were kept no longer: ${messageOf(error)}`;
    }
  }

  /** The rows are on the disk before the note says so, and the note is there as a whole or not. */
  #note(): void {
    if (this.#fresh === 0) return;
    this.#fresh = 0;
    const there = statSync(join(this.#folder, ROWS!), { throwIfNoEntry: false })?.ino;
    if (there !== fstatSync(this.#file).ino) throw new Error('another run removed them to make room');
    fdatasyncSync(this.#file);
    const done = join(this.#folder, DONE!);
    const temporary = `${done}.${process.pid}`;
    writeFileSync(temporary, this.#done);
    renameSync(temporary, done);
  }
}

function offsetsOf({ signals, lengths }: CacheLayout): Float64Array {
  const offsets = new Float64Array(lengths.length + 1);
  for (let row = 0; row < lengths.length; row++)
    offsets[row + 1] = offsets[row]! + signals.reduce((sum, signal) => sum + rowBytes(signal, lengths[row]!), 0);
  return offsets;
}

/** Bytes of a signal of one row. */
export function rowBytes({ each, width, dtype }: Signal, tokens: number): number {
  return (each === 'text' ? 1 : tokens) * width * (dtype === 'float16' ? 2 : 4);
}
