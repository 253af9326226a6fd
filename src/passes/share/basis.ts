// A shared basis: the weights of a group of layers become products of one matrix that all of them read and a smaller one of each layer's own
// (Wang et al. 2025, Basis Sharing). Weights that read the hidden states share what they read of them, weights that write to them share
// what they write: both are directions in the space that all layers have in common.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { sweep } from '../../ir/sweep.ts';
import { floats } from '../../ir/tensor.ts';
import { inputBasis, outputBasis, type Directions } from '../../math/shared-basis.ts';
import { definePass, skip, type Skip } from '../pass.ts';
import { blocksOf, densesOfBlock, onePerWeight } from '../structure/blocks.ts';
import { ranksFor } from './basis-ranks.ts';
import { basesOf, membersOf, type Basis, type Products } from './basis-sets.ts';
import { unsplittable, writeFactors } from './factors.ts';

const groups = z.array(z.array(z.int().nonnegative()).readonly()).readonly();

const options = z.object({
  attention: groups.describe('layers whose attention shares a basis'),
  ffn: groups.describe('layers whose feed-forward blocks share a basis'),
  keep: z.number().positive().max(1).describe("share of these layers' parameters that stays"),
  products: z
    .custom<ReadonlyMap<string, Float64Array>>()
    .optional()
    .describe('X^T X of what these weights read and write, by the name of the value'),
  importance: z
    .custom<ReadonlyMap<string, number>>()
    .optional()
    .describe('what an error of each basis costs, by its name; default the same'),
  directions: z
    .custom<ReadonlyMap<string, Directions>>()
    .optional()
    .describe('of each basis, where they are known, by its name'),
});

/**
 * Throws UsageError for a share that no rank leaves, ModelError for weights that cannot be written as products.
 */
export const shareBasis = definePass({
  name: 'share-basis',
  summary: 'weights of several layers as products with one shared matrix',
  options,
  run(input, { attention, ffn, keep, products, importance, directions }, { progress }) {
    const bases = basesOf(input, { attention, ffn }, products, { directions, progress });
    const ranks = ranksFor(bases, keep, importance);
    const model = writeBases(input, bases, ranks, products);
    const made = bases.filter(({ name }) => ranks.has(name));
    const stats = {
      bases: made.length,
      'saved parameters': made.reduce((sum, { name, whole, each }) => sum + whole - ranks.get(name)! * each, 0),
      ...Object.fromEntries(made.map(({ name }) => [`directions of ${name}`, ranks.get(name)!])),
    };
    return { model, changed: made.length > 0, stats, skipped: [] };
  },
  /** For any options: weights of attention and feed-forward blocks that can be written as products. */
  plan(input) {
    const skipped: Skip[] = [];
    const once = onePerWeight(blocksOf(input, recognise(input)).flatMap(densesOfBlock));
    for (const dense of once) {
      const reason = unsplittable(input.graph, dense);
      if (reason !== undefined) skipped.push(skip(dense.node, reason));
    }
    return { applicable: once.length - skipped.length, unit: 'weights', skipped };
  },
});

/** The model with the bases that have a rank. */
export function writeBases(
  input: Model,
  bases: readonly Basis[],
  ranks: ReadonlyMap<string, number>,
  products: Products,
): Model {
  const model = cloneModel(input);
  for (const basis of bases) {
    const rank = ranks.get(basis.name);
    if (rank !== undefined) write(model.graph, basis, rank, products);
  }
  sweep(model.graph);
  return model;
}

function write(graph: Graph, set: Basis, rank: number, products: Products): void {
  const { denses, side, width, directions } = set;
  const members = membersOf(set, products);
  const make = side === 'in' ? inputBasis : outputBasis;
  const { basis, coefficients } = make(members, width, rank, directions);
  const names = new Names(graph);
  const shared = names.fresh(`${denses[0]!.weight.name}_basis`);
  graph.initializers.set(shared, floats(side === 'in' ? [width, rank] : [rank, width], basis));
  const inner = new Map<string, string>();
  for (const [i, dense] of denses.entries()) {
    const own = names.fresh(`${dense.weight.name}_own`);
    const shape = side === 'in' ? [rank, dense.outFeatures] : [dense.inFeatures, rank];
    graph.initializers.set(own, floats(shape, coefficients[i]!));
    const [left, right] = side === 'in' ? [shared, own] : [own, shared];
    writeFactors(graph, dense, left, right, inner);
  }
}
