// Cross-layer sharing: the layers of a group read one set of weights (Lan et al. 2020, ALBERT), made from theirs. Norms and biases stay
// each layer's own: they are a scale and a shift of a few numbers.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { Dense } from '../../bert/types.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph } from '../../ir/graph.ts';
import { renameReads } from '../../ir/rename.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { lowRank, type LowRank } from '../../math/low-rank.ts';
import { matrixOf } from '../structure/matrix.ts';
import { definePass } from '../pass.ts';
import { blocksOf, type Block } from '../structure/blocks.ts';
import { meanOf } from '../structure/mean.ts';
import { axisOf } from '../structure/picks.ts';
import { addFactors, namedFactors } from './factors.ts';

const groups = z.array(z.array(z.int().nonnegative()).readonly()).readonly();

const options = z.object({
  attention: groups.describe('layers whose attention shares its weights'),
  ffn: groups.describe('layers whose feed-forward block shares its weights'),
  start: z
    .enum(['mean', 'first', 'last'])
    .default('mean')
    .describe("the shared weights: the members' mean, or one member's"),
  residualRank: z.int().positive().optional().describe("rank of what each layer adds to the shared weights' products"),
  products: z
    .custom<ReadonlyMap<string, Float64Array>>()
    .optional()
    .describe('X^T X of what the weights read, by the name of the value'),
});
type Options = z.output<typeof options>;

/**
 * Throws ModelError where a group's layers have weights of other forms or sizes, UsageError for a rank that saves nothing.
 */
export const shareLayers = definePass({
  name: 'share-layers',
  summary: 'one set of weights for several layers',
  options,
  run(input, chosen) {
    const model = cloneModel(input);
    const found = recognise(model);
    const blocks = blocksOf(model, found);
    let saved = 0;
    for (const [part, list] of [
      ['attention', chosen.attention],
      ['ffn', chosen.ffn],
    ] as const)
      // prettier-ignore
      for (const group of list) saved += shareGroup(model.graph, { blocks, denses: found.denses }, part, group, chosen);
    const sets = [...chosen.attention, ...chosen.ffn];
    if (chosen.residualRank !== undefined && saved <= 0)
      throw new UsageError(
        `residual rank ${chosen.residualRank}: expected differences with fewer parameters than sharing saves, found ${-saved} more`,
      );
    const stats = {
      'attention groups': chosen.attention.length,
      'ffn groups': chosen.ffn.length,
      'saved parameters': saved,
    };
    return { model, changed: sets.length > 0 && saved > 0, stats, skipped: [] };
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

/** Returns the parameters that went; below zero where differences of this rank are more than the weights. */
function shareGroup(
  graph: Graph,
  { blocks, denses: all }: { readonly blocks: readonly Block[]; readonly denses: readonly Dense[] },
  part: PartName,
  group: readonly number[],
  { start, residualRank, products }: Options,
): number {
  const members = group.map((layer) => densesOf(blocks[layer]!, part, layer));
  const [leader, ...rest] = members;
  const renames = new Map<string, string>();
  let saved = 0;
  for (const [i, dense] of leader!.entries()) {
    const { name, tensor } = dense.weight;
    const others = rest.map((denses) => denses[i]);
    for (const [k, other] of others.entries()) refuseOther(dense, other, group[k + 1]!, part);
    const denses = [dense, ...others.map((other) => other!)];
    const shared = { ...dense.weight, tensor: started(denses.map(({ weight }) => weight.tensor), start) }; // prettier-ignore
    if (residualRank !== undefined)
      for (const [own, one] of new Map(denses.map((each) => [each.weight.name, each]))) {
        const factors = differenceOf(one, { ...dense, weight: shared }, residualRank, products?.get(one.input));
        if (!factors) continue;
        addFactors(graph, all.filter(({ weight }) => weight.name === own), namedFactors(graph, one, factors)); // prettier-ignore
        saved -= factors.left.length + factors.right.length;
      }
    graph.initializers.set(name, shared.tensor);
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

/** The matrix of the rank that is nearest W - S over the inputs seen, as two; undefined where W is S. */
function differenceOf(dense: Dense, shared: Dense, rank: number, gram: Float64Array | undefined): LowRank | undefined {
  const { inFeatures, outFeatures } = dense;
  const other = matrixOf(shared);
  const difference = matrixOf(dense).map((x, i) => x - other[i]!);
  if (difference.every((x) => x === 0)) return undefined;
  return lowRank(difference, inFeatures, outFeatures, Math.min(rank, inFeatures, outFeatures), gram);
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
