// Checkpoints: a folder each, with a small JSON and raw little-endian float32, written beside their place and renamed.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors.ts';
import type { TrainState } from './state.ts';

/** Arrays in the order they are stored in; filled in place when read. */
export type Arrays = readonly Float32Array[];

const FORMAT = 1;
const KEPT = 2;
const named = /^checkpoint-(\d+)$/;
const unfinished = /^checkpoint-\d+\.tmp$/;

interface Head {
  readonly format: number;
  readonly fingerprint: string;
  /** Numbers in each array. */
  readonly lengths: readonly number[];
  readonly state: TrainState;
}

/**
 * Writes a checkpoint, numbered on from those that are there, and removes all but the last two. A kill while it is written
 * leaves the ones before it.
 */
export function saveCheckpoint(folder: string, fingerprint: string, state: TrainState, arrays: Arrays): void {
  mkdirSync(folder, { recursive: true });
  const numbers = numbersIn(folder);
  const place = placeOf(folder, (numbers[0] ?? 0) + 1);
  const temporary = `${place}.tmp`;
  for (const name of readdirSync(folder)) if (unfinished.test(name)) remove(join(folder, name));
  mkdirSync(temporary);
  const head: Head = { format: FORMAT, fingerprint, lengths: arrays.map((array) => array.length), state };
  writeWhole(join(temporary, 'arrays.bin'), arrays);
  writeWhole(join(temporary, 'state.json'), [Buffer.from(JSON.stringify(head))]);
  renameSync(temporary, place);
  for (const number of numbers.slice(KEPT - 1)) remove(placeOf(folder, number));
}

/**
 * Reads the newest checkpoint of a folder into `arrays`, and gives its state; undefined where there is none.
 * @param arrays what to fill for a state: how many there are depends on it
 * @throws DataError for one that was written for another run, or cannot be read
 */
export function loadCheckpoint(
  folder: string,
  fingerprint: string,
  arrays: (state: TrainState) => Arrays,
): TrainState | undefined {
  const [newest] = existsSync(folder) ? numbersIn(folder) : [];
  if (newest === undefined) return undefined;
  const place = placeOf(folder, newest);
  const head = readHead(place);
  if (head.fingerprint !== fingerprint) {
    throw new DataError(
      `${place}: expected a checkpoint of this run, found one of another model, data or options: give another folder, or start anew`,
    );
  }
  const into = arrays(head.state);
  if (into.length !== head.lengths.length || into.some((array, i) => array.length !== head.lengths[i])) {
    throw new DataError(`${place}: expected the weights of this model, found others`);
  }
  readWhole(join(place, 'arrays.bin'), into);
  return head.state;
}

function placeOf(folder: string, number: number): string {
  return join(folder, `checkpoint-${number}`);
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Numbers of the checkpoints in a folder, newest first. */
function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => named.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a);
}

function readHead(place: string): Head {
  const path = join(place, 'state.json');
  try {
    // written by `saveCheckpoint` of the same format, which is looked at first
    const head = JSON.parse(readFileSync(path, 'utf8')) as Head;
    if (head.format === FORMAT) return head;
  } catch (error) {
    throw new DataError(`${path}: expected a checkpoint, found: ${String(error)}`, { cause: error });
  }
  throw new DataError(`${path}: expected a checkpoint of format ${FORMAT}, found another`);
}

/** Writes pieces to a file and waits until they are on the disk. */
function writeWhole(path: string, pieces: readonly (Float32Array | Uint8Array)[]): void {
  const file = openSync(path, 'w');
  try {
    for (const { buffer, byteOffset, byteLength } of pieces) {
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readWhole(path: string, arrays: Arrays): void {
  const file = openSync(path, 'r');
  try {
    for (const { buffer, byteOffset, byteLength } of arrays) {
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      for (let done = 0; done < bytes.length;) {
        const got = readSync(file, bytes, done, bytes.length - done, null);
        if (got === 0) throw new DataError(`${path}: expected ${bytes.length - done} bytes more, found the end`);
        done += got;
      }
    }
  } finally {
    closeSync(file);
  }
}
