// Gram matrices of what output projections read: how far one head or neuron can stand in for another.
import { Builder } from '../ir/builder.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import { sweep } from '../ir/sweep.ts';
import type { Site } from '../passes/prune/sites.ts';
import type { PruneBatch } from './prune-batches.ts';
import { opsetOf, type WithSession } from './prune-gradients.ts';

/**
 * Sum over tokens of w x x^T for each site, x [in] what its projection reads; [in, in].
 * @param weights of batch b at site s: w of every token [sequences, length]
 */
export async function gramMatrices(
  model: Model,
  sites: readonly Site[],
  batches: readonly PruneBatch[],
  weights: (site: number, batch: number) => Float32Array,
  open: WithSession,
): Promise<Float64Array[]> {
  const copy = cloneModel(model);
  const { graph } = copy;
  const builder = new Builder(graph, opsetOf(copy), 'prune_gram');
  const outputs = sites.map(({ dense }, s) => {
    const weight = weightInput(s);
    graph.inputs.push({ name: weight, dtype: 'float32', shape: ['batch_sequence', 1] });
    return weightedGram(builder, dense.input, dense.inFeatures, weight);
  });
  graph.nodes.push(...builder.nodes);
  graph.outputs = outputs.map((name) => ({ name, dtype: 'float32' as const }));
  sweep(graph);
  const sums = sites.map(({ dense: { inFeatures } }) => new Float64Array(inFeatures * inFeatures));
  await open(copy, 'the model', async (session) => {
    for (const [b, batch] of batches.entries()) {
      const given = sites.map((_, s): [string, HostTensor] => [weightInput(s), column(weights(s, b))]);
      const found = await session.run({ ...batch.feeds, ...Object.fromEntries(given) });
      outputs.forEach((name, s) => addTo(sums[s]!, found[name]!.data as Float32Array)); // Gemm gives float32
    }
  });
  return sums;
}

/** X^T diag(w) X of a value [..., features]. */
export function weightedGram(builder: Builder, value: string, features: number, weight: string): string {
  const flat = builder.op('Reshape', [value, builder.ints([-1, features])]);
  return builder.op('Gemm', [flat, builder.op('Mul', [flat, weight])], { transA: 1n });
}

export function column(values: Float32Array): HostTensor {
  return { dtype: 'float32', dims: [values.length, 1], data: values };
}

export function addTo(sum: Float64Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + part[i]!;
}

function weightInput(site: number): string {
  return `prune_weight_${site}`;
}
