// Samples as batches of similar length, padded, with what the model and the loss are fed.
import { makeFeeds } from '../evaluate/feeds.ts';
import type { FixedShape, InputRoles } from '../evaluate/roles.ts';
import { createRandom } from '../math/random.ts';
import type { ValueSpec } from '../runtime/session.ts';
import { bucketedBatches } from '../train/batches.ts';
import type { BatchSource, TrainBatch } from '../train/types.ts';
import type { Feeder, Sample } from './goal.ts';
import { padSequences } from './pad.ts';

/** How a model is fed. */
export interface Feeding {
  readonly inputs: readonly ValueSpec[];
  readonly roles: InputRoles;
  readonly fixed: FixedShape;
  readonly padId: number;
  readonly padSide: 'left' | 'right';
}

export interface BatchSourceOptions {
  /** Samples a batch. */
  readonly batch: number;
  readonly seed: number;
}

/**
 * Batches of the samples, shuffled anew each epoch. A model without a mask gets sequences of one length only. A model whose
 * batch is fixed gets full batches: the rest of an epoch is left out.
 */
export function batchSource(
  samples: readonly Sample[],
  goal: Feeder,
  feeding: Feeding,
  { batch, seed }: BatchSourceOptions,
): BatchSource {
  const each = samples[0]?.sequences.length ?? 1;
  const { fixed, roles } = feeding;
  const size = fixed.batch === undefined ? batch : Math.max(1, Math.floor(fixed.batch / each));
  const lengths = Int32Array.from(samples, ({ sequences }) => Math.max(...sequences.map(({ ids }) => ids.length)));
  const make = (members: readonly number[]): Promise<TrainBatch> => makeBatch(members, samples, goal, feeding, seed);
  if (fixed.batch === undefined && roles.mask !== undefined) return bucketedBatches(lengths, make, { batch, seed });
  const cutting = { size, whole: fixed.batch !== undefined, even: roles.mask === undefined };
  return {
    length: strictBatches(lengths, cutting, seed).length,
    async *epoch(index, from = 0) {
      for (const members of strictBatches(lengths, cutting, seed + index * 2 ** 32).slice(from)) yield make(members);
    },
  };
}

async function makeBatch(
  members: readonly number[],
  samples: readonly Sample[],
  goal: Feeder,
  feeding: Feeding,
  seed: number,
): Promise<TrainBatch> {
  const chosen = members.map((member) => samples[member]!);
  const sequences = chosen.flatMap((sample) => sample.sequences);
  const padded = padSequences(sequences, { ...feeding, fixedSequence: feeding.fixed.sequence });
  const targets = chosen.map(({ target }) => target);
  // what a goal draws follows who is in the batch: another company each epoch, the same when a run is resumed
  const random = createRandom(members.reduce((hash, member) => Math.imul(hash ^ member, 0x9e3779b1) >>> 0, seed >>> 0));
  const { feeds, tokens } = await goal.feeds(padded, targets, random);
  return { feeds: { ...makeFeeds(feeding.inputs, feeding.roles, tokens ?? padded), ...feeds }, rows: members.length };
}

interface Cutting {
  readonly size: number;
  /** Batches that are not full are left out. */
  readonly whole: boolean;
  /** Rows of a batch have one length. */
  readonly even: boolean;
}

/** Members of every batch of an epoch for models that take no padding, or one batch size only; as many whatever the seed. */
export function strictBatches(lengths: Int32Array, { size, whole, even }: Cutting, seed: number): number[][] {
  const random = createRandom(seed);
  const rows = random.shuffle([...lengths.keys()]).sort((a, b) => lengths[b]! - lengths[a]!);
  const batches: number[][] = [];
  for (let at = 0; at < rows.length;) {
    const same = (row: number): boolean => !even || lengths[row] === lengths[rows[at]!];
    let to = at + 1;
    while (to < rows.length && to - at < size && same(rows[to]!)) to++;
    if (!whole || to - at === size) batches.push(rows.slice(at, to));
    at = to;
  }
  return random.shuffle(batches);
}
