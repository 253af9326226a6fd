// Cutting heads and neurons out of layers, each layer its own: every tensor, reshape and attribute that depends on them follows.
import { recognise } from '../../bert/recognise.ts';
import type { Attention, Dense, Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model, Node } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import { blocksOf, type Block } from './blocks.ts';
import { reshapeHeads } from './head-shapes.ts';
import { Picks } from './picks.ts';
import { dropStaleTypes } from './stale-types.ts';

/** What stays of a layer; what is not named stays as it is. */
export interface Narrowing {
  readonly heads?: readonly number[] | undefined;
  readonly headScales?: readonly number[] | undefined;
  /** One list for each feed-forward block. */
  readonly ffn?: readonly (readonly number[])[] | undefined;
  readonly ffnScales?: readonly (readonly number[])[] | undefined;
}

/**
 * The model with the heads and neurons that `layers` names, one entry for each of `blocks`. A factor of a head or neuron
 * multiplies its weights in the output projection.
 * Throws ModelError for a layer that cannot be cut so.
 */
export function narrow(input: Model, blocks: readonly Block[], layers: readonly Narrowing[]): Model {
  const model = cloneModel(input);
  const picks = new Picks();
  const reshaped: { attention: Plain; to: number }[] = [];
  for (const [i, { heads, headScales, ffn, ffnScales }] of layers.entries()) {
    const block = blocks[i]!;
    if (heads && (headScales || heads.length < (block.attention.heads ?? 0))) {
      const attention = plainOf(block, i);
      pickHeads(picks, attention, heads, headScales);
      reshaped.push({ attention, to: heads.length });
    }
    for (const [j, kept] of ffn?.entries() ?? []) pickNeurons(picks, block, i, j, kept, ffnScales?.[j]);
  }
  picks.apply(model.graph);
  for (const { attention, to } of reshaped) reshapeHeads(model.graph, attention, to);
  sweep(model.graph);
  dropStaleTypes(input.graph, model.graph);
  refuseOthers(model, blocks, layers);
  return model;
}

/** An attention whose query, key, value and output are dense layers of their own. */
export interface Plain extends Attention {
  readonly query: Dense;
  readonly key: Dense;
  readonly value: Dense;
  readonly output: Dense;
  readonly heads: number;
  readonly headSize: number;
  /** Nodes of its layer. */
  readonly inside: readonly Node[];
}

/** Throws ModelError where heads cannot be cut out of it. */
export function plainOf({ attention, inside }: Block, layer: number): Plain {
  const why = typeof inside === 'string' ? inside : headRefusal(attention);
  if (why !== undefined) throw new ModelError(`heads of layer ${layer}: expected plain attention, found ${why}`);
  return { ...(attention as Plain), inside: inside as readonly Node[] };
}

/** Why no heads can be cut out of an attention. */
function headRefusal(attention: Attention): string | undefined {
  const { query, key, value, output, heads, headSize, packed, kvHeads, positions } = attention;
  if (!query || !key || !value || !output || heads === undefined || headSize === undefined)
    return 'parts that were not recognised';
  if (packed) return 'query, key and value in one product';
  if (kvHeads !== undefined) return 'fewer heads of keys than of queries';
  if (query.outFeatures !== heads * headSize || output.inFeatures !== heads * headSize) return 'heads of other sizes';
  const own = positions.find((position) => position !== 'rotary');
  return own && `a ${own} term a head`;
}

function pickHeads(picks: Picks, attention: Plain, heads: readonly number[], scales: readonly number[] = []): void {
  const { query, key, value, output, headSize } = attention;
  const kept = heads.flatMap((head) => Array.from({ length: headSize }, (_, i) => head * headSize + i));
  for (const dense of [query, key, value]) picks.keep(dense, 'out', kept);
  const factors = scales.flatMap((scale) => Array.from({ length: headSize }, () => scale));
  picks.keep(output, 'in', kept, scales.length > 0 ? factors : undefined);
}

function pickNeurons(
  picks: Picks,
  { ffn }: Block,
  layer: number,
  at: number,
  kept: readonly number[],
  scales: readonly number[] | undefined,
): void {
  const block = ffn[at]!;
  if (kept.length === block.width && !scales) return;
  if (block.gated === 'split')
    throw new ModelError(
      `ffn of layer ${layer}: expected a dense layer each for gate and value, found one that is split`,
    );
  for (const dense of block.in) picks.keep(dense, 'out', kept);
  picks.keep(block.out, 'in', kept, scales);
}

/** Where a shape was computed in a way that was not followed, recognition finds other numbers. Throws ModelError. */
function refuseOthers(model: Model, blocks: readonly Block[], layers: readonly Narrowing[]): void {
  const found: Recognition = recognise(model);
  for (const [i, { attention, ffn }] of blocksOf(model, found).entries()) {
    const kept = layers[i]!;
    const heads = kept.heads?.length ?? blocks[i]!.attention.heads;
    if (attention.heads !== heads || found.unrecognised.some((miss) => miss.part === 'heads'))
      throw new ModelError(
        `heads of layer ${i}: expected ${heads} after narrowing, found the graph's shapes hold ${attention.heads ?? 'others'}`,
      );
    for (const [j, { width }] of ffn.entries()) {
      const neurons = kept.ffn?.[j]?.length ?? blocks[i]!.ffn[j]!.width;
      if (width !== neurons)
        throw new ModelError(
          `ffn of layer ${i}: expected ${neurons} neurons after narrowing, found the graph's shapes hold ${width}`,
        );
    }
  }
}
