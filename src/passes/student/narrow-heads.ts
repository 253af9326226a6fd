// Fewer attention heads: in each layer the heads with the largest weights stay; the numbers in reshapes follow.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import { UsageError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { definePass } from '../pass.ts';
import { blocksOf, type Block } from '../structure/blocks.ts';
import { headMagnitudes } from '../structure/magnitude.ts';
import { narrow } from '../structure/narrow.ts';
import { largest } from '../structure/pick.ts';
import { plainOf, type Plain } from '../structure/plain.ts';

const options = z.object({ heads: z.int().positive().describe('attention heads to keep in each layer') });

/**
 * Keeps `heads` heads of every layer, their size as it was: those with the largest product of the norms of their value
 * and output weights, through which everything that a head gives passes.
 * Throws ModelError for an attention that cannot be narrowed, UsageError for more heads than there are.
 */
export const narrowHeads = definePass({
  name: 'narrow-heads',
  summary: 'a student of fewer attention heads',
  options,
  run(input, { heads }) {
    const blocks = blocksOf(input, recognise(input));
    const found = plain(blocks);
    const least = Math.min(...found.map((one) => one.heads));
    if (heads > least) throw new UsageError(`--heads: expected 1 to ${least}, the teacher's heads, found ${heads}`);
    if (found.every((one) => one.heads === heads))
      return { model: input, changed: false, stats: { heads }, skipped: [] };
    const kept = found.map((one) => ({ heads: largest(headMagnitudes(one), heads) }));
    const model = narrow(input, blocks, kept);
    return { model, changed: true, stats: { 'heads before': least, heads }, skipped: [] };
  },
  plan(input: Model) {
    return { applicable: plain(blocksOf(input, recognise(input))).length, skipped: [] };
  },
});

function plain(blocks: readonly Block[]): Plain[] {
  return blocks.map(plainOf);
}
