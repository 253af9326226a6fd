// Factorisation: a table or a dense weight as the product of two smaller matrices (Lan et al. 2020 for embeddings; SVD-LLM, Wang et al. 2025,
// for weights seen through their inputs).
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { Dense, Embedding, Recognition } from '../../bert/types.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { makeNode } from '../../ir/node.ts';
import { asFloat32, floats } from '../../ir/tensor.ts';
import { sweep } from '../../ir/sweep.ts';
import { lowRank, lowRankRows, type LowRank, type Rank } from '../../math/low-rank.ts';
import { densesOfBlock, onePerWeight } from '../structure/blocks.ts';
import { matrixOf } from '../structure/matrix.ts';
import { definePass, skip, type Skip } from '../pass.ts';
import { nameOf } from '../../bert/scene.ts';
import { namedFactors, unsplittable, writeFactors } from './factors.ts';

const energy = z.object({ energy: z.number().positive().max(1) });

const options = z.object({
  embeddings: z
    .union([z.int().positive(), energy])
    .optional()
    .describe("rank of the token table, or the share of its rows' squares that it keeps"),
  dense: z
    .union([z.number().positive().max(1), energy])
    .optional()
    .describe("share of the parameters of each dense weight that stays, or of its outputs' squares"),
  tokenCounts: z.custom<Float64Array>().optional().describe('how often each token was seen, for the norm'),
  products: z
    .custom<ReadonlyMap<string, Float64Array>>()
    .optional()
    .describe('X^T X of what dense weights read, by the name of the value'),
});
type Options = z.output<typeof options>;

/** A number (rank of the table, share of a weight's parameters), or the share of the squares that is kept. */
export type FactorRank = NonNullable<Options['dense']>;

/**
 * Throws UsageError for a rank that makes nothing smaller, with the figures; ModelError for a table that other nodes read.
 */
export const factorise = definePass({
  name: 'factorise',
  summary: 'tables and weights as products of two smaller ones',
  options,
  run(input, chosen, context) {
    const model = cloneModel(input);
    const found = recognise(model);
    const skipped: Skip[] = [];
    const stats: Record<string, number> = {};
    if (chosen.embeddings !== undefined) Object.assign(stats, factoriseTable(model, found, chosen.embeddings, chosen));
    if (chosen.dense !== undefined)
      Object.assign(stats, factoriseDenses(model, found, chosen.dense, chosen, skipped, context.progress));
    sweep(model.graph);
    return { model, changed: Object.values(stats).some((value) => value > 0), stats, skipped };
  },
  plan(input) {
    return { applicable: densesOf(recognise(input)).length, skipped: [] };
  },
});

/** Gather of [tokens, rank], then a product with [rank, width]. */
function factoriseTable(
  model: Model,
  found: Recognition,
  wanted: Rank,
  { tokenCounts }: Options,
): Record<string, number> {
  const table = tokenTable(found);
  const { weight, rows, width } = table;
  const { graph } = model;
  const readers = graph.nodes.filter((node) => node.inputs.includes(weight.name));
  const other = readers.find((node) => node.op !== 'Gather' || node.domain !== '');
  if (other || weight.through.length > 0 || weight.dtype !== 'float32')
    throw new ModelError(
      `'${weight.name}': expected a float32 table that only rows are gathered from, found ${other ? `it read by '${nameOf(other)}', ${other.op}` : `${weight.dtype} behind ${weight.through.map((node) => node.op).join(', ') || 'nothing'}`}`,
    );
  if (typeof wanted === 'number') refuseRank(table, wanted, wanted);
  const { left, right, rank, energy: kept } = lowRankRows(asFloat32(weight.tensor), width, wanted, tokenCounts);
  const saved = refuseRank(table, wanted, rank);
  const names = new Names(graph);
  const [a, b] = [names.fresh(`${weight.name}_left`), names.fresh(`${weight.name}_right`)];
  graph.initializers.set(a, floats([rows, rank], left));
  graph.initializers.set(b, floats([rank, width], right));
  graph.nodes = graph.nodes.flatMap((node) => {
    if (!readers.includes(node)) return [node];
    const rowsOf = names.fresh(`${node.outputs[0]}_rank`);
    const gather: Node = { ...node, inputs: [a, ...node.inputs.slice(1)], outputs: [rowsOf] };
    return [gather, makeNode('MatMul', [rowsOf, b], node.outputs, { name: names.fresh(`${nameOf(node)}_right`) })];
  });
  return { 'table rank': rank, 'table parameters saved': saved, 'table energy': kept };
}

/** Returns the parameters that a rank saves. Throws UsageError for one that saves none. */
function refuseRank({ rows, width }: Embedding, wanted: Rank, rank: number): number {
  const saved = rows * width - rank * (rows + width);
  if (saved > 0) return saved;
  const asked = typeof wanted === 'number' ? String(wanted) : `${(100 * wanted.energy).toFixed(1)}%`;
  throw new UsageError(
    `embeddings:${asked}: expected a rank below ${Math.ceil((rows * width) / (rows + width))}, where ${rows} x ${rank} + ${rank} x ${width} numbers are fewer than ${rows} x ${width}, found ${rank}`,
  );
}

function tokenTable({ encoders }: Recognition): Embedding {
  const tables = encoders.flatMap(({ embeddings }) =>
    embeddings.filter(({ role, folded }) => role === 'token' && !folded),
  );
  const [table] = tables;
  if (!table || tables.some(({ weight }) => weight.name !== table.weight.name))
    throw new ModelError(`embeddings: expected one token table, found ${tables.length === 0 ? 'none' : 'several'}`);
  return table;
}

/** Dense layers of attention and feed-forward blocks, one for each weight. */
function densesOf({ encoders }: Recognition): Dense[] {
  return onePerWeight(encoders.flatMap(({ layers }) => layers.flatMap(densesOfBlock)));
}

function factoriseDenses(
  model: Model,
  found: Recognition,
  keep: FactorRank,
  { products }: Options,
  skipped: Skip[],
  progress: (done: number, total: number) => void,
): Record<string, number> {
  const denses = densesOf(found);
  const counts = { weights: 0, 'parameters saved': 0 };
  for (const [i, dense] of denses.entries()) {
    const { inFeatures, outFeatures, input } = dense;
    const factors = factorsOf(model.graph, dense, keep, products?.get(input));
    if (typeof factors === 'string') skipped.push(skip(dense.node, factors));
    else {
      const { left, right } = namedFactors(model.graph, dense, factors);
      writeFactors(model.graph, dense, left, right);
      counts.weights++;
      counts['parameters saved'] += inFeatures * outFeatures - factors.rank * (inFeatures + outFeatures);
    }
    progress(i + 1, denses.length);
  }
  return counts;
}

/** The factors, or why there are none. */
function factorsOf(graph: Graph, dense: Dense, keep: FactorRank, gram: Float64Array | undefined): LowRank | string {
  // prettier-ignore
  const { inFeatures, outFeatures } = dense;
  const rank = typeof keep === 'number' ? Math.floor((keep * inFeatures * outFeatures) / (inFeatures + outFeatures)) : undefined; // prettier-ignore
  const reason = unsplittable(graph, dense) ?? (rank === undefined ? undefined : tooMuch(dense, rank));
  if (reason !== undefined) return reason;
  const found = lowRank(matrixOf(dense), inFeatures, outFeatures, rank ?? (keep as { energy: number }), gram);
  return tooMuch(dense, found.rank) ?? found;
}

/** Two products cost rank (in + out) multiply-adds a token, one costs in x out. */
function tooMuch({ inFeatures, outFeatures }: Dense, rank: number): string | undefined {
  const [one, two] = [inFeatures * outFeatures, rank * (inFeatures + outFeatures)];
  if (rank >= 1 && two < one) return undefined;
  return `two products of rank ${rank} have ${two} multiply-adds a token, the one has ${one}: neither smaller nor faster`;
}
