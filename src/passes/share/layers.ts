// Cross-layer sharing: the layers of a group read one set of weights (Lan et al. 2020, ALBERT), made from theirs. Norms and biases stay
// each layer's own: they are a scale and a shift of a few numbers.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { Dense } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { renameReads } from '../../ir/rename.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { definePass, type Skip } from '../pass.ts';
import { blocksOf, type Block } from '../structure/blocks.ts';
import { meanOf } from '../structure/mean.ts';
import { narrow, type Narrowing } from '../structure/narrow.ts';
import { axisOf } from '../structure/picks.ts';
import { alignment } from './align.ts';

const groups = z.array(z.array(z.int().nonnegative()).readonly()).readonly();

const options = z.object({
  attention: groups.describe('layers whose attention shares its weights'),
  ffn: groups.describe('layers whose feed-forward block shares its weights'),
  start: z
    .enum(['mean', 'first', 'last'])
    .default('mean')
    .describe("the shared weights: the members' mean after aligning heads and neurons, or one member's"),
});
type Options = z.output<typeof options>;

/**
 * Throws ModelError where a group's layers have weights of other forms or sizes.
 */
export const shareLayers = definePass({
  name: 'share-layers',
  summary: 'one set of weights for several layers',
  options,
  run(input, chosen) {
    const skipped: Skip[] = [];
    const aligned = chosen.start === 'mean' ? align(input, chosen, skipped) : input;
    const model = cloneModel(aligned);
    const blocks = blocksOf(model, recognise(model));
    let saved = 0;
    for (const [part, list] of [
      ['attention', chosen.attention],
      ['ffn', chosen.ffn],
    ] as const)
      // prettier-ignore
      for (const group of list) saved += shareGroup(model.graph, blocks, part, group, chosen.start);
    const sets = [...chosen.attention, ...chosen.ffn];
    const stats = {
      'attention groups': chosen.attention.length,
      'ffn groups': chosen.ffn.length,
      'saved parameters': saved,
    };
    return { model, changed: sets.length > 0 && saved > 0, stats, skipped };
  },
  plan(input) {
    return { applicable: blocksOf(input, recognise(input)).length, skipped: [] };
  },
});

type PartName = 'attention' | 'ffn';

/** Dense layers of a part by what they are, so that those of two layers can be laid side by side. Throws ModelError. */
export function densesOf(block: Block, part: PartName, layer: number): Dense[] {
  if (part === 'ffn') return block.ffn.flatMap((one) => [...one.in, one.out]);
  const { query, key, value, output } = block.attention;
  if (!query || !key || !value || !output)
    throw new ModelError(`attention of layer ${layer}: expected its four projections, found some not recognised`);
  return [query, key, value, output];
}

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

/** Returns the parameters that went. */
function shareGroup(
  graph: Graph,
  blocks: readonly Block[],
  part: PartName,
  group: readonly number[],
  start: Options['start'],
): number {
  const members = group.map((layer) => densesOf(blocks[layer]!, part, layer));
  const [leader, ...rest] = members;
  const renames = new Map<string, string>();
  let saved = 0;
  for (const [i, dense] of leader!.entries()) {
    const { name, tensor } = dense.weight;
    const others = rest.map((denses) => denses[i]);
    for (const [k, other] of others.entries()) refuseOther(dense, other, group[k + 1]!, part);
    const tensors = [tensor, ...others.map((other) => other!.weight.tensor)];
    graph.initializers.set(name, started(tensors, start));
    graph.nodes = graph.nodes.filter((node) => node.outputs[0] !== name);
    for (const other of others) {
      if (other!.weight.name === name || renames.has(other!.weight.name)) continue;
      renames.set(other!.weight.name, name);
      saved += tensor.shape.reduce((product, size) => product * size, 1);
    }
  }
  for (const name of renames.keys()) graph.initializers.delete(name);
  graph.nodes = renameReads(
    graph.nodes.filter((node) => !renames.has(node.outputs[0] ?? '')),
    renames,
  );
  return saved;
}

/** Throws ModelError. */
function refuseOther(leader: Dense, other: Dense | undefined, layer: number, part: PartName): void {
  const form = (dense: Dense | undefined): string =>
    dense === undefined
      ? 'none'
      : `${dense.weight.dtype} [${dense.weight.tensor.shape.join(', ')}], ${dense.op} over axis ${axisOf(dense, 'in')}`;
  if (form(leader) !== form(other))
    throw new ModelError(
      `${part} of layer ${layer}: expected a weight as its group's first has, ${form(leader)}, found ${form(other)}`,
    );
}

function started(tensors: readonly Tensor[], start: Options['start']): Tensor {
  if (start === 'first') return tensors[0]!;
  if (start === 'last') return tensors.at(-1)!;
  return meanOf(tensors);
}
