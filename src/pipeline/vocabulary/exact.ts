// Proof on the corpus: both models run on the same texts, each with its own token numbers, and every output held bit against bit.
import { makeFeeds } from '../../evaluate/feeds.ts';
import { toFloat32 } from '../../evaluate/outputs.ts';
import { ParitySums, type Parity } from '../../evaluate/parity-sums.ts';
import { fixedShape, type InputRoles } from '../../evaluate/roles.ts';
import { batchesFor } from '../../evaluate/window.ts';
import type { Row } from '../../data/dataset.ts';
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { isFloat } from '../../ir/dtype.ts';
import type { HostTensor, TypedArray } from '../../ir/host-tensor.ts';
import { openSession, type Session } from '../../runtime/session.ts';
import type { RunOptions } from '../learn/training.ts';
import { sessionOptions } from '../learn/training.ts';

/** A model and its tokenizer. */
export interface Side {
  readonly onnxPath: string;
  readonly tokenizer: Tokenizer;
}

export interface ExactOptions extends RunOptions {
  readonly roles: InputRoles;
  readonly maxLength: number;
  readonly progress: (done: number, total: number) => void;
}

export interface Exactness {
  /** Texts that were run. */
  readonly texts: number;
  /** Are all outputs the same bit by bit? */
  readonly equal: boolean;
  /** Over all float outputs. */
  readonly parity: Parity | undefined;
}

/**
 * @param kept old numbers of the tokens that stayed, ascending
 * @param outputs those whose last axis counts tokens: the first model's are compared where the second has a token
 */
export async function compareExactly(
  rows: readonly Row[],
  [before, after]: readonly [Side, Side],
  kept: Int32Array,
  outputs: ReadonlySet<string>,
  options: ExactOptions,
): Promise<Exactness> {
  const sessions: Session[] = [];
  try {
    for (const [side, name] of [
      [before, 'the model'],
      [after, 'the pruned model'],
    ] as const)
      sessions.push(await openSession(side.onnxPath, sessionOptions(name, options)));
    return await compareRuns(rows, [before, after], sessions, { ...options, kept, outputs });
  } finally {
    for (const session of sessions) await session.release();
  }
}

async function compareRuns(
  rows: readonly Row[],
  sides: readonly [Side, Side],
  sessions: readonly Session[],
  {
    roles,
    maxLength,
    progress,
    signal,
    kept,
    outputs,
  }: ExactOptions & { readonly kept: Int32Array; readonly outputs: ReadonlySet<string> },
): Promise<Exactness> {
  const batches = sides.map(({ tokenizer }, i) => [
    ...batchesFor(
      rows.map((row) => tokenizer.encode(row.text, row.textPair, maxLength)),
      {
        padId: tokenizer.padId,
        padSide: tokenizer.padSide,
        fixed: fixedShape(sessions[i]!.inputs, roles),
        masked: roles.mask !== undefined,
        batch: 8,
      },
    ),
  ]);
  const sums = new ParitySums();
  let equal = true;
  for (const [i, batch] of batches[0]!.entries()) {
    signal?.throwIfAborted();
    const [a, b] = [
      await sessions[0]!.run(makeFeeds(sessions[0]!.inputs, roles, batch)),
      await sessions[1]!.run(makeFeeds(sessions[1]!.inputs, roles, batches[1]![i]!)),
    ];
    for (const [name, value] of Object.entries(a)) {
      const old = outputs.has(name) ? keepColumns(value, kept) : value;
      equal &&= sameBits(old, b[name]!);
      if (isFloat(old.dtype)) sums.add(toFloat32(name, old), toFloat32(name, b[name]!));
    }
    progress(i + 1, batches[0]!.length);
  }
  return { texts: rows.length, equal, parity: sums.finish() };
}

/** The columns of tokens that stayed. */
function keepColumns({ dtype, dims, data }: HostTensor, kept: Int32Array): HostTensor {
  const width = dims.at(-1)!;
  const count = (data.length / width) * kept.length;
  const picked: TypedArray = data.slice(0, count);
  for (let i = 0; i < count; i++) {
    const from = Math.floor(i / kept.length) * width + kept[i % kept.length]!;
    picked[i] = data[from]!;
  }
  return { dtype, dims: [...dims.slice(0, -1), kept.length], data: picked };
}

function sameBits(a: HostTensor, b: HostTensor): boolean {
  const bytes = ({ data }: HostTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return a.dtype === b.dtype && a.dims.join() === b.dims.join() && Buffer.compare(bytes(a), bytes(b)) === 0;
}
