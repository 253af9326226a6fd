// The sums that a fit is made from: appended to the pair of models, added up over batches.
import { weightBehind } from '../../bert/scene.ts';
import type { Dense } from '../../bert/types.ts';
import type { Model } from '../../ir/graph.ts';
import type { HostTensor } from '../../ir/host-tensor.ts';
import { indexUses } from '../../ir/uses.ts';
import type { Sums } from '../../passes/prune/least-squares.ts';
import type { Site } from '../../passes/prune/sites.ts';
import { addTo, weightedGram } from './grams.ts';
import type { Pair } from './pair.ts';

/** Input that brings the weight of each token, [tokens, 1]. */
export const WEIGHTS = 'prune_weights';

export type Names = Readonly<Record<'gram' | 'cross' | 'inputs' | 'lacking' | 'error', string>>;
export type MutableSums = { -readonly [K in keyof Sums]: Sums[K] };

/** d is what the pruned model's sum lacks to the original's. */
export function appendSums({ builder, pruned, input }: Pair, site: Site, dense: Dense): Names {
  input({ name: WEIGHTS, dtype: 'float32', shape: ['tokens', 1] });
  const flat = (value: string, size: number): string => builder.op('Reshape', [value, builder.ints([-1, size])]);
  const x = flat(pruned(dense.input), dense.inFeatures);
  const d = flat(builder.op('Sub', [site.sum, pruned(site.sum)]), dense.outFeatures);
  const weighted = builder.op('Mul', [d, WEIGHTS]);
  const product = (a: string, b: string): string => builder.op('Gemm', [a, b], { transA: 1n });
  return {
    gram: weightedGram(builder, x, WEIGHTS),
    cross: product(x, weighted),
    inputs: product(x, WEIGHTS),
    lacking: product(d, WEIGHTS),
    error: builder.op('ReduceSum', [builder.op('Mul', [d, weighted])], { keepdims: 0n }),
  };
}

export function emptySums({ inFeatures: n, outFeatures: out }: Dense): MutableSums {
  return {
    gram: new Float64Array(n * n),
    cross: new Float64Array(n * out),
    inputs: new Float64Array(n),
    lacking: new Float64Array(out),
    weight: 0,
    error: 0,
  };
}

export function addSums(
  to: MutableSums,
  names: Names,
  found: Readonly<Record<string, HostTensor>>,
  weights: Float32Array,
): void {
  const read = (name: string): Float32Array => found[name]!.data as Float32Array; // products of float32
  addTo(to.gram, read(names.gram));
  addTo(to.cross, read(names.cross));
  addTo(to.inputs, read(names.inputs));
  addTo(to.lacking, read(names.lacking));
  to.error += read(names.error)[0]!;
  for (const weight of weights) to.weight += weight;
}

/** A projection as it is in another model of the same names; undefined where it is gone. */
export function denseIn({ graph }: Model, dense: Dense): Dense | undefined {
  const node = graph.nodes.find((one) => one.outputs[0] === dense.node.outputs[0]);
  if (!node) return undefined;
  const uses = indexUses(graph);
  const weight = weightBehind(graph, uses, node.inputs[1]);
  if (!weight) return undefined;
  const shape = weight.tensor.shape;
  const inFeatures = (shape[0]! * shape[1]!) / dense.outFeatures;
  const adder = dense.bias && graph.nodes.find((one) => one.outputs[0] === dense.bias!.node.outputs[0]);
  const bias = adder && adder.inputs.map((input) => weightBehind(graph, uses, input)).find((found) => found?.name === dense.bias!.weight.name); // prettier-ignore
  const { bias: _bias, ...rest } = dense;
  return { ...rest, node, weight, inFeatures, ...(bias && { bias: { node: adder, weight: bias } }) };
}
