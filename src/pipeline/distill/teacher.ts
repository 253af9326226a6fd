// Teachers at work: for the rows of a batch what the loss needs of them, from a cache or from a run.
import { makeFeeds, type TokenArrays } from '../../evaluate/feeds.ts';
import type { Encoding } from '../../data/tokenizer/tokenizer.ts';
import type { HostTensor, TypedArray } from '../../ir/host-tensor.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import type { PaddedBatch } from '../../objectives/goal.ts';
import { padSequences } from '../../objectives/pad.ts';
import type { Signal } from '../../passes/student/teacher-graph.ts';
import type { Session } from '../../runtime/session.ts';
import { rowBytes, type TeacherCache } from './teacher-cache.ts';

export interface Teacher {
  /** @param rows numbers of the batch's rows in the data, for the cache */
  signals(rows: readonly number[], batch: PaddedBatch): Promise<Record<string, HostTensor>>;
  /** Batches that the teacher ran for, and those that came from the cache. */
  readonly counts: { ran: number; cached: number };
}

export interface TeacherOptions {
  /** None: the teacher runs for every batch. Only for signals that are by row. */
  readonly cache?: TeacherCache | undefined;
  /** Tokens of a row where they are not those of the batch. */
  readonly encode?: ((row: number) => Encoding) | undefined;
}

/** A teacher of an open session whose outputs are the signals. */
export function teacherOf(
  session: Session,
  feeding: Pick<Feeding, 'roles' | 'fixed' | 'padId' | 'padSide'>,
  signals: readonly Signal[],
  { cache, encode }: TeacherOptions = {},
): Teacher {
  const counts = { ran: 0, cached: 0 };
  return {
    counts,
    async signals(rows, given) {
      const batch = encode
        ? padSequences(rows.map(encode), { ...feeding, fixedSequence: feeding.fixed.sequence })
        : given;
      if (cache && rows.every((row) => cache.has(row))) {
        counts.cached++;
        return fromCache(cache, signals, rows, batch);
      }
      counts.ran++;
      const outputs = await session.run(makeFeeds(session.inputs, feeding.roles, batch));
      if (cache) toCache(cache, signals, rows, batch, outputs);
      return outputs;
    },
  };
}

function fromCache(
  cache: TeacherCache,
  signals: readonly Signal[],
  rows: readonly number[],
  batch: PaddedBatch,
): Record<string, HostTensor> {
  const tensors = signals.map((signal) => blank(signal, batch));
  const record = new Uint8Array(Math.max(...rows.map((row) => cache.size(row))));
  rows.forEach((row, r) => {
    cache.read(row, record);
    eachPart(signals, batch, r, (i, part, from, to) => bytesOf(tensors[i]!).set(record.subarray(from, to), part));
  });
  return Object.fromEntries(signals.map(({ name }, i) => [name, tensors[i]!]));
}

function toCache(
  cache: TeacherCache,
  signals: readonly Signal[],
  rows: readonly number[],
  batch: PaddedBatch,
  outputs: Readonly<Record<string, HostTensor>>,
): void {
  rows.forEach((row, r) => {
    if (cache.has(row)) return;
    const record = new Uint8Array(cache.size(row));
    eachPart(signals, batch, r, (i, part, from, to) =>
      record.set(bytesOf(outputs[signals[i]!.name]!).subarray(part, part + to - from), from),
    );
    cache.write(row, record);
  });
}

/** Calls `visit` with each signal's number, where row r begins in its tensor, and where it stands in the row's record; in bytes. */
function eachPart(
  signals: readonly Signal[],
  batch: PaddedBatch,
  r: number,
  visit: (signal: number, part: number, from: number, to: number) => void,
): void {
  const tokens = tokensOf(batch, r);
  let from = 0;
  signals.forEach((signal, i) => {
    const one = rowBytes({ ...signal, each: 'text' }, 1);
    const at = signal.each === 'text' ? r : r * batch.sequence + batch.starts[r]!;
    const to = from + rowBytes(signal, tokens);
    visit(i, at * one, from, to);
    from = to;
  });
}

function tokensOf({ mask, sequence }: TokenArrays, row: number): number {
  return mask.subarray(row * sequence, (row + 1) * sequence).reduce((sum, one) => sum + one, 0);
}

/** Zeros where padding stands: the loss leaves them out. */
function blank({ each, width, dtype, flat }: Signal, { size, sequence }: TokenArrays): HostTensor {
  const dims = each === 'text' ? [size, width] : [size, sequence, ...(flat ? [] : [width])];
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { dtype, dims, data: dtype === 'float16' ? new Uint16Array(count) : new Float32Array(count) };
}

function bytesOf({ data }: { readonly data: TypedArray }): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
