// A shared basis: the weights of a group of layers become products of one matrix that all of them read and a smaller one of each layer's own
// (Wang et al. 2025, Basis Sharing). Weights that read the hidden states share what they read of them, weights that write to them share
// what they write: both are directions in the space that all layers have in common.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { Dense } from '../../bert/types.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { floats } from '../../ir/tensor.ts';
import { sweep } from '../../ir/sweep.ts';
import { inputBasis, inputDirections, outputBasis, outputDirections, type Directions, type Member } from '../../math/shared-basis.ts'; // prettier-ignore
import { matrixOf } from '../structure/matrix.ts';
import { definePass, skip, type Skip } from '../pass.ts';
import { blocksOf, type Block } from '../structure/blocks.ts';
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
});
type BasisOptions = z.output<typeof options>;
type Products = BasisOptions['products'];

/** Weights that have a basis in common, and on which side. */
interface BasisSet {
  readonly name: string;
  readonly side: 'in' | 'out';
  /** Features of the side. */
  readonly width: number;
  readonly denses: readonly Dense[];
}

/** A basis that may be made, of any rank. */
export interface Basis extends BasisSet {
  readonly directions: Directions;
  /** Parameters of the weights as they are. */
  readonly whole: number;
  /** Parameters of one more direction: a column of the basis and a row of each member's coefficients. */
  readonly each: number;
}

/**
 * Throws UsageError for a share that no rank leaves, ModelError for weights that cannot be written as products.
 */
export const shareBasis = definePass({
  name: 'share-basis',
  summary: 'weights of several layers as products with one shared matrix',
  options,
  run(input, { attention, ffn, keep, products, importance }, { progress }) {
    const bases = basesOf(input, { attention, ffn }, products, progress);
    const ranks = ranksFor(bases, keep, importance);
    const model = writeBases(input, bases, ranks, products);
    const made = bases.filter(({ name }) => ranks.has(name));
    const stats = {
      bases: made.length,
      'saved parameters': made.reduce((sum, { name, whole, each }) => sum + whole - ranks.get(name)! * each, 0),
      ...Object.fromEntries(made.map(({ name }) => [`rank of ${name}`, ranks.get(name)!])),
    };
    return { model, changed: made.length > 0, stats, skipped: [] };
  },
  /** For any options: weights of attention and feed-forward blocks that can be written as products. */
  plan(input) {
    const skipped: Skip[] = [];
    const denses = blocksOf(input, recognise(input)).flatMap(({ attention: { query, key, value, output }, ffn }) => [
      ...[query, key, value, output].filter((dense) => dense !== undefined),
      ...ffn.flatMap((block) => [...block.in, block.out]),
    ]);
    const once = [...new Map(denses.map((dense) => [dense.weight.name, dense])).values()];
    for (const dense of once) {
      const reason = unsplittable(input.graph, dense);
      if (reason !== undefined) skipped.push(skip(dense.node, reason));
    }
    return { applicable: once.length - skipped.length, unit: 'weights', skipped };
  },
});

/** The bases of groups of layers. Throws ModelError. */
export function basesOf(
  model: Model,
  groupsOf: Pick<BasisOptions, 'attention' | 'ffn'>,
  products: Products,
  progress: (done: number, total: number) => void = () => {},
): Basis[] {
  const sets = setsOf(model, groupsOf);
  return sets.map((set, i) => {
    refuseOthers(model.graph, set);
    const basis = { ...set, directions: directionsOf(set, products), whole: wholeOf(set), each: eachRank(set) };
    progress(i + 1, sets.length);
    return basis;
  });
}

/** Values whose products the bases have a use for. */
export function valuesOfBases(
  model: Model,
  groupsOf: Pick<BasisOptions, 'attention' | 'ffn'>,
): { readonly value: string; readonly width: number }[] {
  return setsOf(model, groupsOf).flatMap(({ side, width, denses }) =>
    denses.map((dense) => ({ value: side === 'in' ? dense.input : written(dense), width })),
  );
}

function setsOf(model: Model, { attention, ffn }: Pick<BasisOptions, 'attention' | 'ffn'>): BasisSet[] {
  const blocks = blocksOf(model, recognise(model));
  return [
    ...attention.flatMap((group) => attentionSets(blocks, group)),
    ...ffn.flatMap((group) => feedForwardSets(blocks, group)),
  ];
}

/** What the product itself gives, before a bias that is added to it. */
function written({ node }: Dense): string {
  return node.outputs[0]!;
}

function attentionSets(blocks: readonly Block[], group: readonly number[]): BasisSet[] {
  const denses = group.map((layer) => {
    const { query, key, value, output } = blocks[layer]!.attention;
    if (!query || !key || !value || !output)
      throw new ModelError(`attention of layer ${layer}: expected its four projections, found some not recognised`);
    return { reading: [query, key, value], output };
  });
  const name = group.join('+');
  return bothSides(`attention ${name}`, denses.flatMap(({ reading }) => reading), denses.map(({ output }) => output)); // prettier-ignore
}

function feedForwardSets(blocks: readonly Block[], group: readonly number[]): BasisSet[] {
  const all = group.flatMap((layer) => blocks[layer]!.ffn);
  if (all.length === 0) return [];
  return bothSides(`feed-forward ${group.join('+')}`, all.flatMap((block) => block.in), all.map(({ out }) => out)); // prettier-ignore
}

/** A weight that several layers read already counts once. */
function bothSides(name: string, reading: readonly Dense[], writing: readonly Dense[]): BasisSet[] {
  const once = (denses: readonly Dense[]): Dense[] => [
    ...new Map(denses.map((dense) => [dense.weight.name, dense])).values(),
  ];
  return [
    { name: `${name} in`, side: 'in', width: reading[0]!.inFeatures, denses: once(reading) },
    { name: `${name} out`, side: 'out', width: writing[0]!.outFeatures, denses: once(writing) },
  ];
}

/** Throws ModelError. */
function refuseOthers(graph: Graph, { name, side, width, denses }: BasisSet): void {
  for (const dense of denses) {
    const reason = unsplittable(graph, dense);
    const own = side === 'in' ? dense.inFeatures : dense.outFeatures;
    if (reason ?? own !== width)
      throw new ModelError(
        `${name}: expected weights that can be written as products with ${width} features in common, found '${dense.weight.name}': ${reason ?? `${own} features`}`,
      );
  }
}

function directionsOf(set: BasisSet, products: Products): Directions {
  if (set.side === 'in') return inputDirections(membersOf(set, products), set.width);
  const outputs = set.denses.map((dense) => products?.get(written(dense)) ?? gramOf(dense));
  return outputDirections(outputs, set.width);
}

function membersOf({ side, denses }: BasisSet, products: Products): Member[] {
  return denses.map((dense) => ({
    weight: matrixOf(dense),
    out: dense.outFeatures,
    gram: side === 'in' ? products?.get(dense.input) : undefined,
  }));
}

/** W^T W: what is written where all inputs are alike. */
function gramOf(dense: Dense): Float64Array {
  const { inFeatures, outFeatures } = dense;
  const weight = matrixOf(dense);
  const gram = new Float64Array(outFeatures * outFeatures);
  for (let r = 0; r < inFeatures; r++)
    for (let i = 0; i < outFeatures; i++) {
      const x = weight[r * outFeatures + i]!;
      for (let j = 0; j < outFeatures; j++) gram[i * outFeatures + j]! += x * weight[r * outFeatures + j]!;
    }
  return gram;
}

function wholeOf({ denses }: BasisSet): number {
  return denses.reduce((sum, { inFeatures, outFeatures }) => sum + inFeatures * outFeatures, 0);
}

function eachRank({ width, denses, side }: BasisSet): number {
  return denses.reduce((sum, dense) => sum + (side === 'in' ? dense.outFeatures : dense.inFeatures), width);
}

/** No basis gets less than this part of the rank that an even share would give it. */
const FLOOR = 1 / 4;

/**
 * Directions are taken in the order of what they carry of their basis's outputs, each weight's outputs counted as 1, times its
 * importance, for each parameter, until the budget is spent. A basis that has no rank in the end is smaller whole. Throws UsageError.
 */
export function ranksFor(
  bases: readonly Basis[],
  keep: number,
  importance: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const budget = keep * bases.reduce((sum, { whole }) => sum + whole, 0);
  const ranks = bases.map(({ whole, each }) => Math.floor((FLOOR * keep * whole) / each));
  const low = bases[ranks.indexOf(0)];
  if (low)
    throw new UsageError(
      `basis of ${low.name}: expected a share of the parameters that leaves it at least ${Math.ceil(1 / FLOOR)} directions of ${low.each}, found ${keep.toPrecision(3)} of ${low.whole}`,
    );
  const costOf = (rank: number, { each, whole }: Basis): number => Math.min(rank * each, whole);
  let spent = bases.reduce((sum, basis, i) => sum + costOf(ranks[i]!, basis), 0);
  const queue = bases
    .flatMap(({ name, each, directions }, i) => {
      const weight = (importance.get(name) ?? 1) / each;
      return directions.values.slice(ranks[i]).map((value) => ({ i, gain: weight * value }));
    })
    .toSorted((a, b) => b.gain - a.gain);
  for (const { i } of queue) {
    const more = costOf(ranks[i]! + 1, bases[i]!) - costOf(ranks[i]!, bases[i]!);
    if (spent + more > budget) break;
    spent += more;
    ranks[i]!++;
  }
  const smaller = bases.flatMap((basis, i) => (ranks[i]! * basis.each < basis.whole ? [[basis.name, ranks[i]!] as const] : [])); // prettier-ignore
  return new Map(smaller);
}

/** The rank that leaves a share of a basis's weights. */
export function evenRank({ whole, each }: Basis, keep: number): number {
  return Math.floor((keep * whole) / each);
}

/** Share of the outputs of all members, each counted as 1, that a rank leaves out. */
export function lostAt({ directions: { values } }: Basis, rank: number): number {
  return values.slice(rank).reduce((sum, value) => sum + value, 0);
}

/** The model with the bases that have a rank. */
export function writeBases(
  input: Model,
  bases: readonly Basis[],
  ranks: ReadonlyMap<string, number>,
  products: Products,
): Model {
  // prettier-ignore
  const model = cloneModel(input);
  for (const basis of bases) {
    const rank = ranks.get(basis.name);
    if (rank !== undefined) write(model.graph, basis, rank, basis.directions, products);
  }
  sweep(model.graph);
  return model;
}

function write(graph: Graph, set: BasisSet, rank: number, found: Directions, products: Products): void {
  // prettier-ignore
  const { denses, side, width } = set;
  const members = membersOf(set, products);
  const make = side === 'in' ? inputBasis : outputBasis;
  const { basis, coefficients } = make(members, width, rank, found);
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
