// Narrower feed-forward blocks: in each layer the neurons with the largest weights stay.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import { ModelError, UsageError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { definePass } from '../pass.ts';
import { blocksOf, type Block } from '../structure/blocks.ts';
import { neuronMagnitudes } from '../structure/magnitude.ts';
import { narrow } from '../structure/narrow.ts';
import { largest } from '../structure/pick.ts';

const options = z.object({ ffn: z.int().positive().describe('neurons to keep in each feed-forward block') });

/**
 * Keeps `ffn` neurons of each feed-forward block. What a neuron adds grows with the product of the norms of its weights
 * in and out; those of the largest product stay.
 * Throws ModelError for a block that cannot be narrowed, UsageError for more neurons than a block has.
 */
export const narrowFfn = definePass({
  name: 'narrow-ffn',
  summary: 'a student of narrower feed-forward blocks',
  options,
  run(input, { ffn }) {
    const blocks = withFfn(input);
    const widths = blocks.flatMap((block) => block.ffn.map((one) => one.width));
    const least = Math.min(...widths);
    if (ffn > least) throw new UsageError(`--ffn: expected 1 to ${least}, the teacher's width, found ${ffn}`);
    if (widths.every((width) => width === ffn)) return { model: input, changed: false, stats: { ffn }, skipped: [] };
    const kept = blocks.map((block) => ({ ffn: block.ffn.map((one) => largest(neuronMagnitudes(one), ffn)) }));
    return { model: narrow(input, blocks, kept), changed: true, stats: { 'ffn before': least, ffn }, skipped: [] };
  },
  plan(input) {
    return { applicable: withFfn(input).reduce((sum, { ffn }) => sum + ffn.length, 0), skipped: [] };
  },
});

function withFfn(model: Model): Block[] {
  const blocks = blocksOf(model, recognise(model));
  if (blocks.every((block) => block.ffn.length === 0))
    throw new ModelError('ffn: expected feed-forward blocks, found none that was recognised');
  return blocks;
}
