// Cutting heads and neurons out of layers, each layer its own: every tensor, reshape and attribute that depends on them follows.
import { recognise } from '../../bert/recognise.ts';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import { blocksOf, type Block } from './blocks.ts';
import { pickTerms, reshapeHeads } from './head-shapes.ts';
import { Picks } from './picks.ts';
import { headFeatures, neuronRefusal, plainOf, type Plain } from './plain.ts';
import { removeBlock } from './remove-block.ts';
import { resizeParts } from './split-shapes.ts';
import { dropStaleTypes } from './stale-types.ts';

/** What stays of a layer; what is not named stays as it is. */
export interface Narrowing {
  /** None: the block goes. */
  readonly heads?: readonly number[] | undefined;
  readonly headScales?: readonly number[] | undefined;
  /** One list for each feed-forward block; where one is empty the block goes. */
  readonly ffn?: readonly (readonly number[])[] | undefined;
  readonly ffnScales?: readonly (readonly number[])[] | undefined;
}

/** What is left to do when the weights are smaller. */
type Rest = (graph: Graph) => void;

/**
 * The model with the heads and neurons that `layers` names, one entry for each of `blocks`. A factor of a head or neuron
 * multiplies its weights in the output projection.
 * Throws ModelError for a layer that cannot be cut so.
 */
export function narrow(input: Model, blocks: readonly Block[], layers: readonly Narrowing[]): Model {
  refuseNone(blocks, layers);
  const model = cloneModel(input);
  const picks = new Picks();
  const rest: Rest[] = [];
  for (const [i, { heads, headScales, ffn, ffnScales }] of layers.entries()) {
    const block = blocks[i]!;
    if (heads && (headScales || heads.length < (block.attention.heads ?? 0)))
      rest.push(cutHeads(picks, block, i, heads, headScales));
    for (const [j, kept] of ffn?.entries() ?? [])
      if (ffnScales?.[j] || kept.length < block.ffn[j]!.width)
        rest.push(cutNeurons(picks, block, i, j, kept, ffnScales?.[j]));
  }
  picks.apply(model.graph);
  for (const step of rest) step(model.graph);
  sweep(model.graph);
  dropStaleTypes(input.graph, model.graph);
  refuseOthers(model, blocks, layers);
  return model;
}

/** An encoder without any head is none that anything else here could read. */
function refuseNone(blocks: readonly Block[], layers: readonly Narrowing[]): void {
  for (const encoder of new Set(blocks.map((block) => block.encoder)))
    if (blocks.every((block, i) => block.encoder !== encoder || layers[i]!.heads?.length === 0))
      throw new ModelError('heads: expected at least one layer of the encoder to keep some, found none');
}

function cutHeads(
  picks: Picks,
  block: Block,
  layer: number,
  kept: readonly number[],
  scales: readonly number[] | undefined,
): Rest {
  const attention = plainOf(block, layer);
  const { query, key, value, output, packed, headSize, heads } = attention;
  if (kept.length === 0) return (graph) => removeBlock(graph, output, query.input);
  for (const dense of packed ? [query] : [query, key, value])
    picks.keep(dense, 'out', headFeatures(attention, kept, packed ? 3 : 1));
  picks.keep(
    output,
    'in',
    headFeatures(attention, kept),
    scales?.flatMap((scale) => Array<number>(headSize).fill(scale)),
  );
  if (kept.length === heads) return () => {};
  return (graph) => reshapeAttention(graph, attention, kept);
}

function reshapeAttention(graph: Graph, attention: Plain, kept: readonly number[]): void {
  const { packed, query, headSize, heads } = attention;
  reshapeHeads(graph, attention, kept.length);
  if (packed) resizeParts(graph, query.output, heads * headSize, kept.length * headSize);
  pickTerms(graph, attention, kept);
}

function cutNeurons(
  picks: Picks,
  { ffn }: Block,
  layer: number,
  at: number,
  kept: readonly number[],
  scales: readonly number[] | undefined,
): Rest {
  const block = ffn[at]!;
  const { in: ways, out, width, gated } = block;
  const why = neuronRefusal(block);
  if (why !== undefined) throw new ModelError(`ffn of layer ${layer}: expected plain dense layers, found ${why}`);
  if (kept.length === 0) return (graph) => removeBlock(graph, out, ways[0]!.input);
  const split = gated === 'split';
  for (const dense of ways) picks.keep(dense, 'out', split ? [...kept, ...kept.map((i) => i + width)] : kept);
  picks.keep(out, 'in', kept, scales);
  return split ? (graph) => resizeParts(graph, ways[0]!.output, width, kept.length) : () => {};
}

/** Where a shape was computed in a way that was not followed, recognition finds other numbers. Throws ModelError. */
function refuseOthers(model: Model, blocks: readonly Block[], layers: readonly Narrowing[]): void {
  const recognition = recognise(model);
  const found = blocksOf(model, recognition);
  const missed = recognition.unrecognised.find((miss) => miss.part === 'heads');
  const counts = blocks.map((block, i) => layers[i]!.heads?.length ?? block.attention.heads ?? 0);
  const heads = found.map(({ attention }) => attention.heads ?? 0);
  expectSame('heads', counts, missed ? [missed.reason] : heads);
  const widths = blocks.flatMap(({ ffn }, i) => ffn.map((one, j) => layers[i]!.ffn?.[j]?.length ?? one.width));
  expectSame('neurons', widths, found.flatMap(({ ffn }) => ffn.map((one) => one.width))); // prettier-ignore
}

/** Blocks that went count nothing. */
function expectSame(what: string, expected: readonly number[], found: readonly (number | string)[]): void {
  const left = expected.filter((count) => count > 0);
  if (left.join() !== found.join())
    throw new ModelError(
      `${what}: expected ${left.join(', ')} after narrowing, found the graph's shapes hold ${found.join(', ')}`,
    );
}
