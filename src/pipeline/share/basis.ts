// What weights read and write, measured on texts: for a shared basis, and for differences of low rank.
import { evenRank, lostAt } from '../../passes/share/basis-ranks.ts';
import { basesOf, valuesOfBases, type Basis, type Products } from '../../passes/share/basis-sets.ts';
import { shareBasis, writeBases } from '../../passes/share/basis.ts';
import { densesOf } from '../../passes/share/layers.ts';
import { blocksOf } from '../../passes/structure/blocks.ts';
import { Scratch } from '../learn/training.ts';
import { textsFor, withDistances } from '../prune/answers.ts';
import { chooseTexts, valueSums } from '../prune/value-sums.ts';
import type { Workshop } from '../prune/works.ts';
import type { KnownModel } from '../known-model.ts';
import type { Step } from '../steps.ts';
import type { Groups } from './choose.ts';

/**
 * Each basis is made alone first, with an even share: what an error of its outputs costs is how far the answers go for it.
 * @param keep share of the groups' parameters that stays
 */
export async function basisStep(
  known: KnownModel,
  groups: Groups,
  keep: number,
  shop: Workshop,
): Promise<Omit<Step, 'optional'>> {
  const { model } = known;
  const products = await productsOf(known, valuesOfBases(model, groups), shop);
  const bases = basesOf(model, groups, products);
  const importance = await importanceOf(known, bases, keep, products, shop);
  const directions = new Map(bases.map(({ name, directions: found }) => [name, found]));
  return { pass: shareBasis, options: { ...groups, keep, products, importance, directions } };
}

function importanceOf(
  known: KnownModel,
  bases: readonly Basis[],
  keep: number,
  products: Products,
  shop: Workshop,
): Promise<Map<string, number>> {
  const bar = shop.events.bar('looking at bases');
  return withDistances(known, shop, async (from) => {
    const importance = new Map<string, number>();
    for (const [i, basis] of bases.entries()) {
      bar(i, bases.length);
      const rank = evenRank(basis, keep);
      const lost = lostAt(basis, rank);
      if (rank < 1 || lost <= 0) continue;
      const made = writeBases(known.model, [basis], new Map([[basis.name, rank]]), products);
      importance.set(basis.name, (await from.to(made)) / lost);
    }
    return importance;
  });
}

/** X^T X of what the weights of the groups read, by the name of the value. */
export function productsRead(known: KnownModel, groups: Groups, shop: Workshop): Promise<Map<string, Float64Array>> {
  const blocks = blocksOf(known.model, known.recognition);
  const denses = (['attention', 'ffn'] as const).flatMap((part) =>
    groups[part].flat().flatMap((layer) => densesOf(blocks[layer]!, part, layer)),
  );
  return productsOf(known, denses.map(({ input, inFeatures }) => ({ value: input, width: inFeatures })), shop); // prettier-ignore
}

async function productsOf(
  known: KnownModel,
  values: readonly { readonly value: string; readonly width: number }[],
  shop: Workshop,
): Promise<Map<string, Float64Array>> {
  const { options } = shop;
  const texts = chooseTexts(await textsFor(known, shop), options.seed);
  const widths = new Map(values.map(({ value, width }) => [value, width]));
  const scratch = new Scratch();
  try {
    return (await valueSums(known.model, widths, 'products', texts, { ...options, scratch })).sums;
  } finally {
    scratch.dispose();
  }
}
