// Which layers read whose weights.
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
  const [attention, ffn] = [firsts(blocks.map(attentionKey)), firsts(blocks.map(ffnKey))];
  return { sharing: blocks.map((_, i) => ({ attention: attention[i]!, ffn: ffn[i]! })) };
}

function firsts(keys: readonly string[]): number[] {
  return keys.map((key) => keys.indexOf(key));
}

function attentionKey({ attention: { query, key, value, output } }: Block, layer: number): string {
  const names = [query, key, value, output].map((dense) => dense?.weight.name ?? `own ${layer}`);
  return names.join(' ');
}

function ffnKey({ ffn }: Block, layer: number): string {
  const names = ffn.flatMap((block) => [...block.in, block.out].map((dense) => dense.weight.name));
  return names.length === 0 ? `own ${layer}` : names.join(' ');
}
