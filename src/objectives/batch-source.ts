// Samples as batches of similar length: shuffled anew each epoch, sorted within pools, the batches of a pool in random order.
import { makeFeeds } from '../evaluate/feeds.ts';
import type { FixedShape, InputRoles } from '../evaluate/roles.ts';
import { createRandom } from '../math/random.ts';
import type { ValueSpec } from '../runtime/session.ts';
import type { BatchSource } from '../train/types.ts';
import type { Goal, Sample } from './goal.ts';
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

/** Batches of a pool: enough for near lengths, few enough that every batch is a fair sample of the data. */
const POOL = 100;

/**
 * Batches of the samples. A model without a mask gets sequences of one length only. A model whose batch is fixed gets
 * full batches: the rest of an epoch is left out.
 */
export function batchSource(
  samples: readonly Sample[],
  goal: Goal,
  feeding: Feeding,
  { batch, seed }: BatchSourceOptions,
): BatchSource {
  const each = samples[0]?.sequences.length ?? 1;
  const size = feeding.fixed.batch === undefined ? batch : Math.max(1, Math.floor(feeding.fixed.batch / each));
  const cutting = { size, whole: feeding.fixed.batch !== undefined, even: feeding.roles.mask === undefined };
  const lengths = Int32Array.from(samples, ({ sequences }) => Math.max(...sequences.map(({ ids }) => ids.length)));
  return {
    length: batchesOf(lengths, cutting, mix(seed, 0)).length,
    async *epoch(index) {
      for (const [number, members] of batchesOf(lengths, cutting, mix(seed, index)).entries()) {
        const chosen = Array.from(members, (row) => samples[row]!);
        const padded = padSequences(
          chosen.flatMap(({ sequences }) => sequences),
          { ...feeding, fixedSequence: feeding.fixed.sequence },
        );
        const targets = chosen.map(({ target }) => target);
        const { feeds, tokens } = goal.feeds(padded, targets, createRandom(mix(mix(seed, index), number + 1)));
        yield {
          feeds: { ...makeFeeds(feeding.inputs, feeding.roles, tokens ?? padded), ...feeds },
          rows: members.length,
        };
      }
    },
  };
}

interface Cutting {
  readonly size: number;
  /** Batches that are not full are left out. */
  readonly whole: boolean;
  /** Rows of a batch have one length. */
  readonly even: boolean;
}

/** Row numbers of every batch of an epoch; as many whatever the seed. */
export function batchesOf(lengths: Int32Array, cutting: Cutting, seed: number): Uint32Array[] {
  const random = createRandom(seed);
  const order = random.shuffle([...lengths.keys()]);
  // where lengths may not differ in a batch, one pool: the number of batches must not follow the order
  const pool = cutting.even ? Math.max(1, order.length) : cutting.size * POOL;
  const batches: Uint32Array[] = [];
  for (let from = 0; from < order.length; from += pool) {
    const rows = Uint32Array.from(order.slice(from, from + pool)).sort((a, b) => lengths[b]! - lengths[a]!);
    for (let at = 0; at < rows.length;) {
      let to = Math.min(at + cutting.size, rows.length);
      if (cutting.even) while (lengths[rows[to - 1]!] !== lengths[rows[at]!]) to--;
      if (!cutting.whole || to - at === cutting.size) batches.push(rows.subarray(at, to));
      at = to;
    }
  }
  return random.shuffle(batches);
}

/** A seed for part `index` of what a seed decides. */
function mix(seed: number, index: number): number {
  return (Math.imul(seed ^ (index + 1), 0x9e3779b1) ^ (index << 7)) >>> 0;
}
