// Narrower feed-forward blocks: in each layer the neurons with the largest weights stay.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { FeedForward } from '../../bert/types.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { definePass } from '../pass.ts';
import { largest } from './pick.ts';
import { featureSquares, Picks } from './picks.ts';
import { dropStaleTypes } from './stale-types.ts';

const options = z.object({ ffn: z.int().positive().describe('neurons to keep in each feed-forward block') });

/**
 * Keeps `ffn` neurons of each feed-forward block. What a neuron adds grows with the product of the norms of its weights
 * in and out, which scaling one up and the other down does not change; those of the largest product stay.
 * Throws ModelError for a block that cannot be narrowed, UsageError for more neurons than a block has.
 */
export const narrowFfn = definePass({
  name: 'narrow-ffn',
  summary: 'a student of narrower feed-forward blocks',
  options,
  run(input, { ffn }) {
    const blocks = blocksOf(input);
    const least = Math.min(...blocks.map((block) => block.width));
    if (ffn > least) throw new UsageError(`--ffn: expected 1 to ${least}, the teacher's width, found ${ffn}`);
    if (blocks.every((block) => block.width === ffn))
      return { model: input, changed: false, stats: { ffn }, skipped: [] };
    const picks = new Picks();
    for (const block of blocks) {
      const kept = largest(importance(block), ffn);
      for (const dense of block.in) picks.keep(dense, 'out', kept);
      picks.keep(block.out, 'in', kept);
    }
    const model = cloneModel(input);
    picks.apply(model.graph);
    dropStaleTypes(input.graph, model.graph);
    const after = blocksOf(model);
    if (after.some((block) => block.width !== ffn))
      throw new ModelError(`ffn: expected ${ffn} neurons in every block, found the graph's shapes hold ${least}`);
    return { model, changed: true, stats: { 'ffn before': least, ffn }, skipped: [] };
  },
  plan(input) {
    return { applicable: blocksOf(input).length, skipped: [] };
  },
});

function blocksOf(model: Model): FeedForward[] {
  const blocks = recognise(model).encoders.flatMap((encoder) => encoder.layers.flatMap((layer) => layer.ffn));
  if (blocks.length === 0) throw new ModelError('ffn: expected feed-forward blocks, found none that was recognised');
  if (blocks.some((block) => block.gated === 'split'))
    throw new ModelError('ffn: expected a dense layer each for gate and value, found one that is split');
  return blocks;
}

function importance(block: FeedForward): Float64Array {
  const sides = [...block.in.map((dense) => featureSquares(dense, 'out')), featureSquares(block.out, 'in')];
  return sides[0]!.map((_, i) => sides.reduce((product, side) => product * side[i]!, 1));
}
