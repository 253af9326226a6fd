// Dynamic 8-bit quantization: weights become integers in the file, activations at run time.
// Pattern: DynamicQuantizeLinear > MatMulInteger > Cast > Mul, which onnxruntime fuses into one kernel and every runtime knows.
import * as z from 'zod';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { makeNode } from '../../ir/node.ts';
import { orderedNodes } from '../../ir/sort.ts';
import { sweep } from '../../ir/sweep.ts';
import { floats, memoryTensor } from '../../ir/tensor.ts';
import { indexUses, subgraphsOf } from '../../ir/uses.ts';
import { grid8 } from '../../math/affine.ts';
import { definePass, skip, type PassContext, type PassPlan, type PassResult, type Skip } from '../pass.ts';
import { constantReshapes } from './constant-reshapes.ts';
import { denseWeight, type DenseWeight } from './dense.ts';
import { HISTORY_KEY, refuseQuantized } from './already.ts';
import { excludedBy } from './exclude.ts';
import { findTables, quantizeTables, tableGrid, type QuantizedTable } from './tables-8bit.ts';
import { fixWeightInputs } from './weight-inputs.ts';
import { addQuantizedMatrix, type QuantizedWeight, type WeightScheme } from './weight-8bit.ts';

const options = z.object({
  to: z.enum(['int8', 'uint8']).default('int8').describe('integer type of the weights'),
  granularity: z
    .enum(['per-channel', 'per-tensor'])
    .default('per-channel')
    .describe('one scale a column, or one a matrix'),
  symmetric: z.boolean().optional().describe('zero point 0 (default for int8) or free (default for uint8)'),
  reduceRange: z.boolean().default(false).describe('7-bit weights, for CPUs whose u8*s8 products saturate'),
  embeddings: z
    .enum(['int8', 'fp32'])
    .default('int8')
    .describe('embedding tables as 8-bit rows with a scale a row, or float'),
  exclude: z.array(z.string()).default([]).describe('nodes or weights to leave float, as names with *'),
});
export type Dynamic8BitOptions = z.output<typeof options>;

export const dynamic8Bit = definePass({
  name: 'quantize-8bit',
  summary: 'Weights to int8 or uint8, activations quantized at run time',
  options,
  run: quantize,
  plan,
});

function quantize(input: Model, chosen: Dynamic8BitOptions, context: PassContext): PassResult {
  refuse(input, chosen);
  const model = cloneModel(input);
  const { graph } = model;
  graph.nodes = orderedNodes(graph); // an activation is quantized where its first reader stands
  const names = new Names(graph);
  const signed = chosen.to === 'int8';
  const scheme: WeightScheme = {
    grid: grid8(signed, chosen.symmetric ?? signed, chosen.reduceRange),
    perChannel: chosen.granularity === 'per-channel',
  };
  const skipped: Skip[] = [];
  const excluded = excludedBy(chosen.exclude, graph);
  const found = findDense(graph, excluded, skipped);
  skipFunctions(model, skipped);
  const tables =
    chosen.embeddings === 'int8' ? quantizeTables(graph, names, excluded, skipped) : new Map<string, QuantizedTable>();
  const weights = new Map<string, QuantizedWeight>();
  const emit = new Emitter(graph, names);
  const total = [...found.values()].reduce((sum, dense) => sum + dense.tensor.byteLength, 0);
  let done = 0;
  graph.nodes = graph.nodes.flatMap((node) => {
    const dense = found.get(node);
    if (!dense) return [node];
    context.signal?.throwIfAborted();
    const key = `${dense.transposed ? 't' : 'n'} ${dense.name}`;
    const known = weights.get(key);
    const { weight, turn = undefined } = known
      ? { weight: known }
      : quantizeWeight(graph, names, dense, scheme, tables);
    weights.set(key, weight);
    done += dense.tensor.byteLength;
    context.progress(done, total);
    return [...(turn ? [turn] : []), ...emit.product(dense, weight)];
  });
  const changed = found.size > 0 || tables.size > 0;
  const reshapes = found.size > 0 ? constantReshapes(graph, names) : 0;
  if (changed) model.metadata.set(HISTORY_KEY, `quantize ${chosen.to}`);
  sweep(graph);
  const fixed = changed ? fixWeightInputs(input, model) : {};
  const stats = { products: found.size, weights: weights.size, tables: tables.size, reshapes, ...fixed };
  return { model, changed, stats, skipped };
}

/**
 * The integers of a weight. A decoder tied to a table that is quantized alike reads the table's: `turn` makes them [in, out], once, when
 * the runtime folds constants.
 */
function quantizeWeight(
  graph: Graph,
  names: Names,
  { name, tensor, transposed }: DenseWeight,
  scheme: WeightScheme,
  tables: ReadonlyMap<string, QuantizedTable>,
): { weight: QuantizedWeight; turn?: Node } {
  const { min, max, symmetric } = scheme.grid;
  const alike = scheme.perChannel && symmetric && min === tableGrid.min && max === tableGrid.max;
  const table = transposed && alike ? tables.get(name) : undefined;
  const matrix = { name, tensor, channelAxis: transposed ? 0 : 1 } as const;
  const weight = addQuantizedMatrix(graph, names, matrix, scheme, table !== undefined);
  if (!table) return { weight };
  return { weight, turn: makeNode('Transpose', [table.values], [weight.values], { attrs: { perm: [1n, 0n] } }) };
}

function plan(model: Model, chosen: Dynamic8BitOptions): PassPlan {
  refuse(model, chosen);
  const skipped: Skip[] = [];
  const excluded = excludedBy(chosen.exclude, model.graph);
  const found = findDense(model.graph, excluded, skipped);
  skipFunctions(model, skipped);
  const tables = chosen.embeddings === 'int8' ? findTables(model.graph, excluded, skipped) : new Map<Node, unknown>();
  return { applicable: found.size + tables.size, skipped };
}

function refuse(model: Model, chosen: Dynamic8BitOptions): void {
  refuseQuantized(model, chosen.to);
  const opset = model.opsets.get('') ?? 0;
  if (opset < 11)
    throw new ModelError(`expected opset 11 or later for DynamicQuantizeLinear, found ${opset}: export the model anew`);
}

function findDense(graph: Graph, excluded: (name: string) => boolean, skipped: Skip[]): Map<Node, DenseWeight> {
  const uses = indexUses(graph);
  const found = new Map<Node, DenseWeight>();
  for (const node of graph.nodes) {
    const inside = productsInside(node);
    if (inside > 0) skipped.push(skip(node, `${inside} products inside its subgraphs stay float`));
    const dense = denseWeight(graph, uses, node);
    if (!dense) continue;
    if ('reason' in dense) skipped.push(skip(node, dense.reason));
    else if (excluded(node.name) || excluded(dense.name)) skipped.push(skip(node, 'excluded by --exclude'));
    else found.set(node, dense);
  }
  return found;
}

/** Matrix products in the subgraphs of an If, Loop or Scan. */
function productsInside(node: Node): number {
  const inner = subgraphsOf(node).flatMap((graph) => graph.nodes);
  return inner.reduce((count, one) => count + (['MatMul', 'Gemm'].includes(one.op) ? 1 : 0) + productsInside(one), 0);
}

/** Products in model-local functions, which a graph calls by name. */
function skipFunctions(model: Model, skipped: Skip[]): void {
  for (const def of model.functions) {
    for (const node of def.nodes) {
      if (['MatMul', 'Gemm'].includes(node.op))
        skipped.push(skip(node, `inside the function ${def.domain}::${def.name}, which several calls may share`));
    }
  }
}

/** Emits the pattern; an activation that several products read is quantized once. */
class Emitter {
  readonly #graph: Graph;
  readonly #names: Names;
  readonly #quantized = new Map<string, { values: string; scale: string; zeroPoint: string }>();

  constructor(graph: Graph, names: Names) {
    this.#graph = graph;
    this.#names = names;
  }

  /** Nodes that stand for one product, output name kept. */
  product(dense: DenseWeight, weight: QuantizedWeight): Node[] {
    const nodes: Node[] = [];
    const names = this.#names;
    const output = dense.node.outputs[0]!;
    let x = this.#quantized.get(dense.input);
    if (!x) {
      const from = dense.input;
      x = {
        values: names.fresh(`${from}_quantized`),
        scale: names.fresh(`${from}_scale`),
        zeroPoint: names.fresh(`${from}_zero_point`),
      };
      this.#quantized.set(from, x);
      nodes.push(
        makeNode('DynamicQuantizeLinear', [from], [x.values, x.scale, x.zeroPoint], {
          name: names.fresh(`${from}_QuantizeLinear`),
        }),
      );
    }
    const name = dense.node.name || output;
    const sums = names.fresh(`${output}_output_quantized`);
    const cast = names.fresh(`${sums}_cast_output`);
    const scales = names.fresh(`${name}_quant_scales_mul:0`);
    const product = dense.bias ? names.fresh(`${output}_MatMul`) : output;
    nodes.push(
      makeNode('MatMulInteger', [x.values, weight.values, x.zeroPoint, weight.zeroPoint], [sums], {
        name: `${name}_quant`,
      }),
      makeNode('Cast', [sums], [cast], { name: `${sums}_cast`, attrs: { to: 1n } }),
      makeNode('Mul', [x.scale, this.#scaled(weight.scale, dense.alpha)], [scales], {
        name: `${name}_quant_scales_mul`,
      }),
      makeNode('Mul', [cast, scales], [product], { name: `${name}_quant_output_scale_mul` }),
    );
    if (dense.bias) nodes.push(...this.#bias(dense.bias, product, output, name));
    return nodes;
  }

  /** A scale times Gemm's alpha: a new initializer, so that a weight shared with alpha 1 keeps its own. */
  #scaled(scale: string, alpha: number): string {
    if (alpha === 1) return scale;
    const tensor = this.#graph.initializers.get(scale)!;
    const bytes = tensor.bytes();
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).map((value) => value * alpha);
    const name = this.#names.fresh(`${scale}_alpha`);
    this.#graph.initializers.set(name, memoryTensor('float32', tensor.shape, values));
    return name;
  }

  #bias(bias: { value: string; beta: number }, product: string, output: string, name: string): Node[] {
    const add = (value: string): Node => makeNode('Add', [product, value], [output], { name: `${name}_bias_add` });
    if (bias.beta === 1) return [add(bias.value)];
    const beta = this.#names.fresh(`${name}_beta`);
    this.#graph.initializers.set(beta, floats([], [bias.beta]));
    const scaled = this.#names.fresh(`${name}_bias_scaled`);
    return [makeNode('Mul', [bias.value, beta], [scaled], { name: `${name}_bias_mul` }), add(scaled)];
  }
}
