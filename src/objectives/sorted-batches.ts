// Rows that are looked at once, without training: batches of similar length and bounded size, with what a model is fed.
import type { Encoding } from '../data/tokenizer/tokenizer.ts';
import { makeFeeds } from '../evaluate/feeds.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import type { Feeding } from './batch-source.ts';
import type { Goal, PaddedBatch, Sample } from './goal.ts';
import { padSequences } from './pad.ts';
import { createRandom } from '../math/random.ts';

export interface SortedBatch {
  readonly padded: PaddedBatch;
  /** For the model's inputs. */
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** For the inputs of the labels' loss; empty without labels. */
  readonly labels: Readonly<Record<string, HostTensor>>;
  /** Samples in it. */
  readonly rows: number;
}

/** Most tokens of a batch, padding counted: passes over memory are cheapest where they stay in the cache. */
const TOKENS = 2048;

/** Batches in order of length; a model of fixed shape gets full ones. */
export async function sortedBatches(
  samples: readonly Sample[],
  goal: Goal | undefined,
  feeding: Feeding,
  seed: number,
): Promise<SortedBatch[]> {
  const lengthOf = ({ sequences }: Sample): number => Math.max(...sequences.map(({ ids }: Encoding) => ids.length));
  const sorted = samples.toSorted((a, b) => lengthOf(b) - lengthOf(a));
  const batches: SortedBatch[] = [];
  for (let at = 0; at < sorted.length;) {
    const length = lengthOf(sorted[at]!);
    const each = sorted[at]!.sequences.length;
    const most = feeding.fixed.batch ?? Math.max(1, Math.floor(TOKENS / (feeding.fixed.sequence ?? length)));
    let to = Math.min(sorted.length, at + Math.max(1, Math.floor(most / each)));
    // a model without a mask cannot tell padding from tokens
    if (feeding.roles.mask === undefined) while (lengthOf(sorted[to - 1]!) < length) to--;
    if (feeding.fixed.batch === undefined || (to - at) * each === feeding.fixed.batch)
      batches.push(await batchOf(sorted.slice(at, to), goal, feeding, seed + at));
    at = to;
  }
  return batches;
}

async function batchOf(
  members: readonly Sample[],
  goal: Goal | undefined,
  feeding: Feeding,
  seed: number,
): Promise<SortedBatch> {
  const sequences = members.flatMap((sample) => sample.sequences);
  const padded = padSequences(sequences, { ...feeding, fixedSequence: feeding.fixed.sequence });
  const targets = members.map(({ target }) => target);
  const given = goal && (await goal.feeds(padded, targets, createRandom(seed)));
  return {
    padded,
    feeds: makeFeeds(feeding.inputs, feeding.roles, given?.tokens ?? padded),
    labels: given?.feeds ?? {},
    rows: members.length,
  };
}
