// Which layers read whose weights, and whose bases.
import type { Dense } from '../../bert/types.ts';
import { blocksOf, type Block } from '../../passes/structure/blocks.ts';
import type { Candidate } from '../../report/schema.ts';
import type { KnownModel } from '../known-model.ts';

/** For each layer the first one whose weights it reads, part by part; nothing for a model without layers that were recognised. */
export function sharedLayers({
  model,
  recognition,
}: Pick<KnownModel, 'model' | 'recognition'>): Pick<Candidate, 'sharing'> {
  if (!recognition.encoders.some(({ layers }) => layers.length > 0)) return {};
  const blocks = blocksOf(model, recognition);
  const [attention, ffn] = [attentionOf, ffnOf].map((of) => firsts(blocks.map((block) => of(block).map(nameOf))));
  const based = [attentionOf, ffnOf].map((of) => firsts(blocks.map((block) => basesOf(of(block), recognition.denses))));
  const any = based.some((layers) => layers.some((first, i) => first !== i));
  return {
    sharing: blocks.map((_, i) => ({
      attention: attention![i]!,
      ffn: ffn![i]!,
      ...(any && { basis: { attention: based[0]![i]!, ffn: based[1]![i]! } }),
    })),
  };
}

/** The first layer of the same names; its own number where it has none. */
function firsts(names: readonly (readonly string[])[]): number[] {
  const keys = names.map((list, i) => (list.length === 0 ? `own ${i}` : list.join(' ')));
  return keys.map((key) => keys.indexOf(key));
}

function attentionOf({ attention: { query, key, value, output } }: Block): Dense[] {
  return [query, key, value, output].filter((dense) => dense !== undefined);
}

function ffnOf({ ffn }: Block): Dense[] {
  return ffn.flatMap((block) => [...block.in, block.out]);
}

function nameOf({ weight }: Dense): string {
  return weight.name;
}

/** Weights of the other one of two products, before the layer's own or after it. */
function basesOf(own: readonly Dense[], denses: readonly Dense[]): string[] {
  const outputs = new Set(own.map(({ output }) => output));
  const inputs = new Set(own.map(({ input }) => input));
  const among = new Set(own.map(nameOf));
  return denses
    .filter(({ input, output }) => inputs.has(output) || outputs.has(input))
    .map(nameOf)
    .filter((name) => !among.has(name));
}
