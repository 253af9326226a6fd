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
import { lowRank, lowRankRows } from '../../math/low-rank.ts';
import { definePass, skip, type Skip } from '../pass.ts';
import { nameOf } from '../../bert/scene.ts';

const options = z.object({
  embeddings: z.int().positive().optional().describe('rank of the token table'),
  dense: z.number().positive().max(1).optional().describe('share of the parameters of each dense weight that stays'),
  tokenCounts: z.custom<Float64Array>().optional().describe('how often each token was seen, for the norm'),
  grams: z
    .custom<ReadonlyMap<string, Float64Array>>()
    .optional()
    .describe("X^T X of each dense weight's input, by the weight's name"),
});
type Options = z.output<typeof options>;

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
  rank: number,
  { tokenCounts }: Options,
): Record<string, number> {
  const table = tokenTable(found);
  const { weight, rows, width } = table;
  const before = rows * width;
  const after = rows * rank + rank * width;
  if (after >= before)
    throw new UsageError(
      `embeddings:${rank}: expected a rank below ${Math.ceil(before / (rows + width))}, where ${rows} x ${rank} + ${rank} x ${width} numbers are fewer than ${rows} x ${width}, found ${rank}`,
    );
  const { graph } = model;
  const readers = graph.nodes.filter((node) => node.inputs.includes(weight.name));
  const other = readers.find((node) => node.op !== 'Gather' || node.domain !== '');
  if (other || weight.through.length > 0 || weight.dtype !== 'float32')
    throw new ModelError(
      `'${weight.name}': expected a float32 table that only rows are gathered from, found ${other ? `it read by '${nameOf(other)}', ${other.op}` : `${weight.dtype} behind ${weight.through.map((node) => node.op).join(', ') || 'nothing'}`}`,
    );
  const { left, right, energy } = lowRankRows(asFloat32(weight.tensor), width, rank, tokenCounts);
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
  return { 'table rank': rank, 'table parameters saved': before - after, 'table energy': energy };
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
  const all = encoders.flatMap(({ layers }) =>
    layers.flatMap(({ attention: { query, key, value, output }, ffn }) => [
      ...[query, key, value, output].filter((dense) => dense !== undefined),
      ...ffn.flatMap((block) => [...block.in, block.out]),
    ]),
  );
  return [...new Map(all.map((dense) => [dense.weight.name, dense])).values()];
}

function factoriseDenses(
  model: Model,
  found: Recognition,
  keep: number,
  { grams }: Options,
  skipped: Skip[],
  progress: (done: number, total: number) => void,
): Record<string, number> {
  const denses = densesOf(found);
  const counts = { weights: 0, 'parameters saved': 0 };
  for (const [i, dense] of denses.entries()) {
    const { inFeatures, outFeatures, weight } = dense;
    const rank = Math.floor((keep * inFeatures * outFeatures) / (inFeatures + outFeatures));
    const reason = refusal(dense, rank);
    if (reason !== undefined) skipped.push(skip(dense.node, reason));
    else {
      split(model.graph, dense, rank, grams?.get(weight.name));
      counts.weights++;
      counts['parameters saved'] += inFeatures * outFeatures - rank * (inFeatures + outFeatures);
    }
    progress(i + 1, denses.length);
  }
  return counts;
}

/** Two products cost rank (in + out) multiply-adds a token, one costs in x out. */
function refusal({ op, weight, inFeatures, outFeatures }: Dense, rank: number): string | undefined {
  const [one, two] = [inFeatures * outFeatures, rank * (inFeatures + outFeatures)];
  if (rank < 1 || two >= one)
    return `two products of rank ${rank} have ${two} multiply-adds a token, the one has ${one}: neither smaller nor faster`;
  if (weight.dtype !== 'float32') return `the weight is ${weight.dtype}, not float32`;
  if (op !== 'MatMul' && op !== 'Gemm') return `${op} is not split: only MatMul and Gemm are`;
  if (weight.through.length > 0 && !weight.through.every((node) => node.op === 'Transpose' || node.op === 'Identity'))
    return `the weight comes through ${weight.through.map((node) => node.op).join(', ')}`;
  return undefined;
}

/** x W becomes (x A) B; a Gemm keeps its bias in the second product. All readers of a shared weight are split. */
function split(graph: Graph, dense: Dense, rank: number, gram: Float64Array | undefined): void {
  const { weight, inFeatures, outFeatures } = dense;
  const turned = weight.through.filter((node) => node.op === 'Transpose').length % 2 === 1;
  const stored = asFloat32(weight.tensor);
  const inFirst = dense.outFirst === turned; // the stored tensor is [in, out]
  const values = inFirst ? stored : transpose(stored, outFeatures, inFeatures);
  const { left, right } = lowRank(values, inFeatures, outFeatures, rank, gram);
  const names = new Names(graph);
  const [a, b] = [names.fresh(`${weight.name}_left`), names.fresh(`${weight.name}_right`)];
  graph.initializers.set(a, floats([inFeatures, rank], left));
  graph.initializers.set(b, floats([rank, outFeatures], right));
  const operand = weight.through.at(-1)?.outputs[0] ?? weight.name;
  graph.nodes = graph.nodes.flatMap((node) => {
    if (node.inputs[1] !== operand || (node.op !== 'MatMul' && node.op !== 'Gemm')) return [node];
    const inner = names.fresh(`${node.outputs[0]}_rank`);
    const first = makeNode('MatMul', [node.inputs[0]!, a], [inner], { name: names.fresh(`${nameOf(node)}_left`) });
    const attrs = new Map([...node.attrs].filter(([name]) => name !== 'transB'));
    return [first, { ...node, inputs: [inner, b, ...node.inputs.slice(2)], attrs }];
  });
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return out;
}
