// Fewer attention heads: in each layer the heads with the largest weights stay; the numbers in reshapes follow.
import * as z from 'zod';
import { boundariesOf } from '../../bert/boundaries.ts';
import { recognise } from '../../bert/recognise.ts';
import type { Attention } from '../../bert/types.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model, Node } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import { definePass } from '../pass.ts';
import { reshapeHeads } from './head-shapes.ts';
import { largest } from './pick.ts';
import { featureSquares, Picks } from './picks.ts';
import { dropStaleTypes } from './stale-types.ts';

const options = z.object({ heads: z.int().positive().describe('attention heads to keep in each layer') });

/** An attention whose query, key, value and output are dense layers of their own. */
type Plain = Attention & Required<Pick<Attention, 'query' | 'key' | 'value' | 'output'>> & Facts;
interface Facts {
  readonly heads: number;
  readonly headSize: number;
  /** Nodes of its layer. */
  readonly inside: readonly Node[];
}

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
    const found = attentionsOf(input);
    const least = Math.min(...found.map((one) => one.heads));
    if (heads > least) throw new UsageError(`--heads: expected 1 to ${least}, the teacher's heads, found ${heads}`);
    if (found.every((one) => one.heads === heads))
      return { model: input, changed: false, stats: { heads }, skipped: [] };
    const model = cloneModel(input);
    const picks = new Picks();
    for (const attention of found) {
      const kept = features(largest(importance(attention), heads), attention.headSize);
      for (const dense of [attention.query, attention.key, attention.value]) picks.keep(dense!, 'out', kept);
      picks.keep(attention.output!, 'in', kept);
    }
    picks.apply(model.graph);
    for (const attention of found) reshapeHeads(model.graph, attention, heads);
    sweep(model.graph);
    dropStaleTypes(input.graph, model.graph);
    refuseOthers(model, heads);
    return { model, changed: true, stats: { 'heads before': least, heads }, skipped: [] };
  },
  plan(input) {
    return { applicable: attentionsOf(input).length, skipped: [] };
  },
});

function attentionsOf(model: Model): Plain[] {
  const found = recognise(model).encoders.flatMap((encoder) => {
    const cut = boundariesOf(model.graph, encoder);
    if (typeof cut === 'string') throw new ModelError(`heads: expected layers that can be cut apart, found ${cut}`);
    return encoder.layers.map(({ attention }, i) => plainOf(attention, cut.inside[i]!, i));
  });
  if (found.length === 0) throw new ModelError('heads: expected attentions, found none that was recognised');
  return found;
}

function plainOf(attention: Attention, inside: readonly Node[], layer: number): Plain {
  const why = refusal(attention);
  if (why !== undefined) throw new ModelError(`heads of layer ${layer}: expected plain attention, found ${why}`);
  return { ...(attention as Plain), inside };
}

function refusal({ query, key, value, output, heads, headSize, packed, kvHeads, positions }: Attention) {
  if (!query || !key || !value || !output || heads === undefined || headSize === undefined)
    return 'parts that were not recognised';
  if (packed) return 'query, key and value in one product';
  if (kvHeads !== undefined) return 'fewer heads of keys than of queries';
  if (query.outFeatures !== heads * headSize || output.inFeatures !== heads * headSize) return 'heads of other sizes';
  const own = positions.find((position) => position !== 'rotary');
  return own && `a ${own} term a head`;
}

function importance({ value, output, heads, headSize }: Plain): Float64Array {
  const byHead = (squares: Float64Array): Float64Array =>
    Float64Array.from({ length: heads }, (_, h) =>
      squares.subarray(h * headSize, (h + 1) * headSize).reduce((sum, x) => sum + x, 0),
    );
  const [v, o] = [byHead(featureSquares(value!, 'out')), byHead(featureSquares(output!, 'in'))];
  return v.map((x, h) => x * o[h]!);
}

function features(heads: readonly number[], size: number): number[] {
  return heads.flatMap((head) => Array.from({ length: size }, (_, i) => head * size + i));
}

/** Where a shape was computed in a way that was not followed, recognition finds another number of heads. */
function refuseOthers(model: Model, heads: number): void {
  const found = recognise(model);
  for (const { layers } of found.encoders) {
    for (const [i, { attention }] of layers.entries()) {
      if (attention.heads !== heads || found.unrecognised.some((miss) => miss.part === 'heads'))
        throw new ModelError(
          `heads of layer ${i}: expected ${heads} after narrowing, found the graph's shapes hold ${attention.heads ?? 'others'}`,
        );
    }
  }
}
