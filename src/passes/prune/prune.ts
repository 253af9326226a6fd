// Structured pruning: the heads and neurons that a plan keeps are the heads and neurons that the graph has.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import { UsageError } from '../../errors.ts';
import type { Node } from '../../ir/graph.ts';
import { definePass, skip, type Skip } from '../pass.ts';
import { blocksOf, type Block } from '../structure/blocks.ts';
import { narrow } from '../structure/narrow.ts';
import { headRefusal, neuronRefusal } from '../structure/plain.ts';
import type { KeepPlan } from './keep-plan.ts';

const numbers = z.array(z.int().nonnegative()).readonly();
const scales = z.array(z.number()).readonly();
const layer = z.object({
  heads: numbers.describe('attention heads that stay; none removes the block'),
  ffn: z.array(numbers).readonly().describe('neurons that stay, a list for each feed-forward block'),
  headScales: scales.optional(),
  ffnScales: z.array(scales).readonly().optional(),
});
const options = z.object({ layers: z.array(layer).readonly().describe('one entry a layer, encoder by encoder') });

/**
 * Removes heads and neurons. The result computes what the original computes with the outputs of these heads and neurons
 * multiplied by 0, and of the others by their scales.
 * Throws UsageError for a plan that does not fit the model, ModelError for a layer that cannot be cut so.
 */
export const prunePass = definePass({
  name: 'prune',
  summary: 'attention heads and feed-forward neurons removed',
  options,
  run(input, plan) {
    const blocks = blocksOf(input, recognise(input));
    checkPlan(blocks, plan);
    const before = countsOf(blocks);
    const after = keptOf(plan);
    const changed = plan.layers.some(
      (one, i) =>
        one.headScales !== undefined ||
        one.ffnScales !== undefined ||
        one.heads.length < (blocks[i]!.attention.heads ?? 0) ||
        one.ffn.some((kept, j) => kept.length < blocks[i]!.ffn[j]!.width),
    );
    const stats = { 'heads before': before.heads, heads: after.heads, 'neurons before': before.neurons, neurons: after.neurons }; // prettier-ignore
    return { model: changed ? narrow(input, blocks, plan.layers) : input, changed, stats, skipped: [] };
  },
  /** For any options: attention and feed-forward blocks that heads or neurons could go from. */
  plan(input) {
    const skipped: Skip[] = [];
    let applicable = 0;
    const look = (node: Node, reason: string | undefined): void => {
      if (reason === undefined) applicable++;
      else skipped.push(skip(node, reason));
    };
    for (const block of blocksOf(input, recognise(input))) {
      look(block.attention.node, headRefusal(block));
      for (const ffn of block.ffn) look(ffn.out.node, neuronRefusal(ffn));
    }
    return { applicable, unit: 'blocks', skipped };
  },
});

/** Heads and neurons in all. */
function countsOf(blocks: readonly Block[]): { heads: number; neurons: number } {
  const widths = blocks.flatMap(({ ffn }) => ffn.map((one) => one.width));
  return { heads: sum(blocks.map(({ attention }) => attention.heads ?? 0)), neurons: sum(widths) };
}

function keptOf({ layers }: KeepPlan): { heads: number; neurons: number } {
  const widths = layers.flatMap(({ ffn }) => ffn.map((kept) => kept.length));
  return { heads: sum(layers.map(({ heads }) => heads.length)), neurons: sum(widths) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function checkPlan(blocks: readonly Block[], { layers }: KeepPlan): void {
  if (layers.length !== blocks.length)
    throw new UsageError(`plan: expected ${blocks.length} layers, found ${layers.length}`);
  for (const [i, { heads, ffn, headScales, ffnScales }] of layers.entries()) {
    const { attention, ffn: owned, tied } = blocks[i]!;
    const where = `plan, layer ${i}`;
    checkKept(`${where}, heads`, heads, attention.heads ?? 0, headScales);
    if (ffn.length !== owned.length)
      throw new UsageError(`${where}: expected ${owned.length} feed-forward blocks, found ${ffn.length}`);
    for (const [j, kept] of ffn.entries()) checkKept(`${where}, neurons`, kept, owned[j]!.width, ffnScales?.[j]);
    if (tied !== i && JSON.stringify(layers[i]) !== JSON.stringify(layers[tied]))
      throw new UsageError(
        `${where}: expected what layer ${tied} keeps, whose weights it shares, found something else`,
      );
  }
}

function checkKept(where: string, kept: readonly number[], of: number, factors: readonly number[] | undefined): void {
  const wrong = kept.find((at, i) => at >= of || (i > 0 && at <= kept[i - 1]!));
  if (wrong !== undefined)
    throw new UsageError(`${where}: expected ascending numbers below ${of}, found ${wrong} among them`);
  if (factors && factors.length !== kept.length)
    throw new UsageError(`${where}: expected ${kept.length} scales, found ${factors.length}`);
}
