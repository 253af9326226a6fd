// Heads and neurons of a group's layers in one order, that of the group's first: a layer computes the same in any order of them, and weights
// that lie near each other have a mean that is near both.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { Dense } from '../../bert/types.ts';
import type { Model } from '../../ir/graph.ts';
import { definePass, type Skip } from '../pass.ts';
import { blocksOf, type Block } from '../structure/blocks.ts';
import { narrow, type Narrowing } from '../structure/narrow.ts';
import { alignment } from './align.ts';

const groups = z.array(z.array(z.int().nonnegative()).readonly()).readonly();

const options = z.object({
  attention: groups.describe('layers whose heads are put in one order'),
  ffn: groups.describe('layers whose neurons are'),
});
type Options = z.output<typeof options>;

export const alignLayers = definePass({
  name: 'align-layers',
  summary: 'heads and neurons of several layers in one order',
  options,
  run(input, chosen) {
    const skipped: Skip[] = [];
    const model = align(input, chosen, skipped);
    const changed = chosen.attention.length + chosen.ffn.length > 0;
    return { model, changed, stats: {}, skipped };
  },
  plan(input) {
    return { applicable: blocksOf(input, recognise(input)).length, skipped: [] };
  },
});

/** Put heads and neurons of each member in the order of the group's first. */
function align(input: Model, { attention, ffn }: Options, skipped: Skip[]): Model {
  const blocks = blocksOf(input, recognise(input));
  const orders: Narrowing[] = blocks.map(() => ({}));
  const ones = (order: readonly number[]): number[] => order.map(() => 1);
  for (const [first, ...rest] of attention)
    for (const layer of rest) {
      const order = headOrder(blocks[first!]!, blocks[layer]!);
      if (typeof order === 'string') skipped.push({ node: `layer ${layer}`, op: 'attention', reason: order });
      else orders[layer] = { ...orders[layer], heads: order, headScales: ones(order) };
    }
  for (const [first, ...rest] of ffn)
    for (const layer of rest) {
      const order = blocks[layer]!.ffn.map((_, at) => neuronOrder(blocks[first!]!, blocks[layer]!, at));
      orders[layer] = { ...orders[layer], ffn: order, ffnScales: order.map(ones) };
    }
  return narrow(input, blocks, orders);
}

/** Heads of a layer nearest those of the leader; the reason where heads cannot be told apart. */
function headOrder(leader: Block, block: Block): number[] | string {
  const [mine, theirs] = [leader.attention, block.attention];
  if (mine.heads === undefined || mine.heads !== theirs.heads)
    return 'heads were not recognised: mean without aligning';
  if (mine.packed || theirs.packed) return 'query, key and value are one product: mean without aligning';
  if (theirs.positions.some((position) => position !== 'rotary')) return 'a term a head: mean without aligning';
  const sides = ({ query, key, value, output }: Block['attention']): { dense: Dense; side: 'in' | 'out' }[] => [
    ...[query, key, value].map((dense) => ({ dense: dense!, side: 'out' as const })),
    { dense: output!, side: 'in' },
  ];
  return alignment(sides(mine), sides(theirs), mine.heads);
}

function neuronOrder(leader: Block, block: Block, at: number): number[] {
  const sides = ({ ffn }: Block): { dense: Dense; side: 'in' | 'out' }[] => [
    ...ffn[at]!.in.map((dense) => ({ dense, side: 'out' as const })),
    { dense: ffn[at]!.out, side: 'in' },
  ];
  return alignment(sides(leader), sides(block), leader.ffn[at]!.width);
}
