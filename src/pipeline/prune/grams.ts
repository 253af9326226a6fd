// Sums of products that pruning needs, computed on onnxruntime: of activations over tokens, of gradients over samples.
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import type { HostTensor } from '../../ir/host-tensor.ts';
import { makeNode } from '../../ir/node.ts';
import { sweep } from '../../ir/sweep.ts';
import type { Site } from '../../passes/prune/sites.ts';
import type { SortedBatch } from '../../objectives/sorted-batches.ts';
import { opsetOf, type WithSession } from './gradients.ts';

/** Sum over tokens, padding left out, of the square of each feature that a site's projection reads; [in]. */
export async function featureSquares(
  model: Model,
  sites: readonly Site[],
  batches: readonly SortedBatch[],
  open: WithSession,
): Promise<Float64Array[]> {
  const copy = cloneModel(model);
  const { graph } = copy;
  const builder = new Builder(graph, opsetOf(copy), 'prune_squares');
  graph.inputs.push({ name: WEIGHTS, dtype: 'float32', shape: ['tokens', 1] });
  const outputs = sites.map(({ dense }) => {
    const flat = builder.op('Reshape', [dense.input, builder.ints([-1, dense.inFeatures])]);
    return builder.op('Gemm', [builder.op('Mul', [flat, flat]), WEIGHTS], { transA: 1n });
  });
  graph.nodes.push(...builder.nodes);
  graph.outputs = outputs.map((name) => ({ name, dtype: 'float32' as const }));
  sweep(graph);
  const sums = sites.map(({ dense: { inFeatures } }) => new Float64Array(inFeatures));
  await open(copy, 'the model', async (session) => {
    for (const { feeds, padded } of batches) {
      const found = await session.run({ ...feeds, [WEIGHTS]: column(Float32Array.from(padded.mask)) });
      outputs.forEach((name, s) => addTo(sums[s]!, found[name]!.data as Float32Array)); // Gemm gives float32
    }
  });
  return sums;
}

const WEIGHTS = 'prune_weights';

/** Sum over rows of g g^T for matrices [rows, columns]; [columns, columns]. */
export async function outerProducts(
  matrices: readonly Float32Array[],
  columns: readonly number[],
  open: WithSession,
): Promise<Float32Array[]> {
  return open(productModel(), 'a product', async (session) => {
    const found: Float32Array[] = [];
    for (const [i, data] of matrices.entries()) {
      const width = columns[i]!;
      const { y } = await session.run({ x: { dtype: 'float32', dims: [data.length / width, width], data } });
      found.push(y!.data as Float32Array);
    }
    return found;
  });
}

/** y = x^T x */
function productModel(): Model {
  const graph: Model['graph'] = {
    name: 'product',
    inputs: [{ name: 'x', dtype: 'float32', shape: ['rows', 'columns'] }],
    outputs: [],
    values: [],
    nodes: [],
    initializers: new Map(),
    sparse: new Map(),
  };
  graph.nodes.push(makeNode('Gemm', ['x', 'x'], ['y'], { attrs: { transA: 1n } }));
  graph.outputs.push({ name: 'y', dtype: 'float32', shape: ['columns', 'columns'] });
  const producer = { name: 'bert-compress', version: '' };
  return { graph, irVersion: 8, opsets: new Map([['', 13]]), producer, metadata: new Map(), functions: [] };
}

/** X^T diag(w) X of a value [tokens, features]. */
export function weightedGram(builder: Builder, value: string, weight: string): string {
  return builder.op('Gemm', [value, builder.op('Mul', [value, weight])], { transA: 1n });
}

export function column(values: Float32Array): HostTensor {
  return { dtype: 'float32', dims: [values.length, 1], data: values };
}

export function addTo(sum: Float64Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + part[i]!;
}
