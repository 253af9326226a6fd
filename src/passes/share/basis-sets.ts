// Which weights of a group of layers have a basis in common, on which side, and what its directions carry of their outputs.
import { recognise } from '../../bert/recognise.ts';
import type { Dense } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { inputDirections, outputDirections, type Directions, type Member } from '../../math/shared-basis.ts';
import { blocksOf, onePerWeight, type Block } from '../structure/blocks.ts';
import { matrixOf } from '../structure/matrix.ts';
import { unsplittable } from './factors.ts';
import { densesOf } from './layers.ts';

/** Layers that share, part by part. */
export interface BasisGroups {
  readonly attention: readonly (readonly number[])[];
  readonly ffn: readonly (readonly number[])[];
}

/** X^T X of values by their names; without it all inputs count alike. */
export type Products = ReadonlyMap<string, Float64Array> | undefined;

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

interface BasesContext {
  /** Known already, by the name of the basis. */
  readonly directions?: ReadonlyMap<string, Directions> | undefined;
  readonly progress?: (done: number, total: number) => void;
}

/** The bases of groups of layers. Throws ModelError. */
export function basesOf(
  model: Model,
  groupsOf: BasisGroups,
  products: Products,
  { directions, progress }: BasesContext = {},
): Basis[] {
  const sets = setsOf(model, groupsOf);
  return sets.map((set, i) => {
    refuseOthers(model.graph, set);
    const basis = {
      ...set,
      directions: directions?.get(set.name) ?? directionsOf(set, products),
      whole: wholeOf(set),
      each: eachRank(set),
    };
    progress?.(i + 1, sets.length);
    return basis;
  });
}

/** Values whose products the bases have a use for. */
export function valuesOfBases(
  model: Model,
  groupsOf: BasisGroups,
): { readonly value: string; readonly width: number }[] {
  return setsOf(model, groupsOf).flatMap(({ side, width, denses }) =>
    denses.map((dense) => ({ value: side === 'in' ? dense.input : written(dense), width })),
  );
}

function setsOf(model: Model, { attention, ffn }: BasisGroups): BasisSet[] {
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
  const denses = group.map((layer) => densesOf(blocks[layer]!, 'attention', layer));
  return bothSides(`attention ${named(group)}`, denses.flatMap((each) => each.slice(0, 3)), denses.map((each) => each[3]!)); // prettier-ignore
}

function feedForwardSets(blocks: readonly Block[], group: readonly number[]): BasisSet[] {
  const all = group.flatMap((layer) => blocks[layer]!.ffn);
  if (all.length === 0) return [];
  return bothSides(`feed-forward ${named(group)}`, all.flatMap((block) => block.in), all.map(({ out }) => out)); // prettier-ignore
}

/** As `--groups` takes it: 0-3, or 0+3. */
function named(group: readonly number[]): string {
  const [first] = group;
  const range = group.length > 2 && group.every((layer, i) => layer === first! + i);
  return range ? `${first}-${group.at(-1)}` : group.join('+');
}

/** A weight that several layers read already counts once. */
function bothSides(name: string, reading: readonly Dense[], writing: readonly Dense[]): BasisSet[] {
  return [
    { name: `what ${name} reads`, side: 'in', width: reading[0]!.inFeatures, denses: onePerWeight(reading) },
    { name: `what ${name} writes`, side: 'out', width: writing[0]!.outFeatures, denses: onePerWeight(writing) },
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

/** The weights, and what was seen of what they read. */
export function membersOf({ side, denses }: Pick<BasisSet, 'side' | 'denses'>, products: Products): Member[] {
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
