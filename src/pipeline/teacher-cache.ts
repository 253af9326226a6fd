// What a teacher gave, kept on disk by row: one file of fixed places, found again by a hash of everything it depends on.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { readSync, rmSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Signal } from '../passes/student/match.ts';

/** Names and places of what is cached of one row. */
export interface CacheLayout {
  readonly signals: readonly Signal[];
  /** Tokens of each row. */
  readonly lengths: ArrayLike<number>;
}

/** Where caches lie by default. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bert-compress', 'teacher');
}

/** Bytes that all rows take. */
export function cacheBytes(layout: CacheLayout): number {
  return offsetsOf(layout).at(-1)!;
}

/** Hash of the teacher, of what it is asked for, and of the token ids of every row. */
export function cacheKey(teacher: string, { signals }: CacheLayout, rows: Iterable<Int32Array>): string {
  const hash = createHash('sha256').update(JSON.stringify([teacher, signals]));
  for (const ids of rows) hash.update(`${ids.length} `).update(ids);
  return hash.digest('hex');
}

const [ROWS, DONE] = ['rows.bin', 'done.bin'];
/** Rows written between two notes of which are there: what a killed run loses. */
const noteEvery = 4096;

/** An open cache. A row is there once `done` says so; its bytes are those of the signals one after the other. */
export class TeacherCache {
  readonly #folder: string;
  readonly #file: number;
  readonly #offsets: Float64Array;
  readonly #done: Uint8Array;
  #fresh = 0;

  /** Opens or begins the cache of `key`, after the oldest others went so that all together are within `bound` bytes. */
  constructor(root: string, key: string, layout: CacheLayout, bound: number) {
    this.#folder = join(root, key);
    this.#offsets = offsetsOf(layout);
    const rows = this.#offsets.length - 1;
    const bytes = this.#offsets[rows]!;
    mkdirSync(this.#folder, { recursive: true });
    makeRoom(root, key, bound - bytes);
    const path = join(this.#folder, ROWS!);
    this.#file = openSync(path, existsSync(path) ? 'r+' : 'w+');
    const done = join(this.#folder, DONE!);
    const known = existsSync(done) && fstatSync(this.#file).size === bytes ? readFileSync(done) : undefined;
    this.#done = known?.length === rows ? Uint8Array.from(known) : new Uint8Array(rows);
    ftruncateSync(this.#file, bytes);
    const now = new Date();
    utimesSync(this.#folder, now, now);
  }

  has(row: number): boolean {
    return this.#done[row] === 1;
  }

  /** Bytes of a row. */
  size(row: number): number {
    return this.#offsets[row + 1]! - this.#offsets[row]!;
  }

  read(row: number, into: Uint8Array): void {
    readSync(this.#file, into, 0, this.size(row), this.#offsets[row]!);
  }

  write(row: number, bytes: Uint8Array): void {
    writeSync(this.#file, bytes, 0, bytes.length, this.#offsets[row]!);
    this.#done[row] = 1;
    if (++this.#fresh >= noteEvery) this.#note();
  }

  close(): void {
    this.#note();
    closeSync(this.#file);
  }

  #note(): void {
    if (this.#fresh > 0) writeFileSync(join(this.#folder, DONE!), this.#done);
    this.#fresh = 0;
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

/** Remove other caches, the one longest unused first, until the rest has at most `bytes`. */
function makeRoom(root: string, key: string, bytes: number): void {
  const others = readdirSync(root)
    .filter((name) => name !== key && /^[0-9a-f]{64}$/.test(name))
    .map((name) => {
      const path = join(root, name);
      const rows = join(path, ROWS!);
      return { path, used: statSync(path).mtimeMs, bytes: existsSync(rows) ? statSync(rows).size : 0 };
    })
    .sort((a, b) => a.used - b.used);
  let held = others.reduce((sum, other) => sum + other.bytes, 0);
  for (const other of others) {
    if (held <= bytes) return;
    rmSync(other.path, { recursive: true, force: true });
    held -= other.bytes;
  }
}
