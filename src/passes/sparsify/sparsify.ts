// Zeros in dense weights, a share or N:M, by magnitude, Wanda or SparseGPT: smaller when compressed, not faster.
import { recognise } from '../../bert/recognise.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { definePass, type Pass, type PassContext, type PassPlan, type PassResult, type Skip } from '../pass.ts';
import { amountOf, sparsifyOptions, type SparsifyOptions } from './amount.ts';
import { readRows, writeRows } from './layout.ts';
import { findTargets, type Target } from './targets.ts';
import { WeightSparsifier, type ActivationSums } from './weights.ts';

/** Name of the figure that is the greatest of all weights, not a sum: SparseGPT's damping. */
export const DAMPING = '% damping';

/** The pass with what was measured of the weights' inputs; magnitude needs nothing. */
export function sparsify(sums: ActivationSums = new Map()): Pass<typeof sparsifyOptions> {
  return definePass({
    name: 'sparsify',
    summary: 'Zeros in the weights of attention and feed-forward blocks',
    options: sparsifyOptions,
    plan,
    run(model, options, context) {
      const { targets, skipped } = findSparse(model, options);
      return { ...sparsifyTargets(model, targets, options, sums, context), skipped };
    },
  });
}

function plan(model: Model, options: SparsifyOptions): PassPlan {
  const { targets, skipped } = findSparse(model, options);
  return { applicable: targets.length, skipped };
}

/** Weights that the options are for. Throws UsageError, ModelError. */
export function findSparse(
  model: Model,
  options: SparsifyOptions,
): { readonly targets: readonly Target[]; readonly skipped: readonly Skip[] } {
  const amount = amountOf(options);
  const { targets, skipped } = findTargets(model.graph, recognise(model), options);
  if (!('of' in amount)) return { targets, skipped };
  const fits = ({ columns }: Target): boolean => columns % amount.of === 0;
  const reason = (columns: number): string => `${columns} inputs are no multiple of ${amount.of}`;
  return {
    targets: targets.filter(fits),
    skipped: [
      ...skipped,
      ...targets
        .filter((target) => !fits(target))
        .map(({ name, columns }) => ({ node: name, op: 'weight', reason: reason(columns) })),
    ],
  };
}

/** The model with these weights made sparse; `targets` may be a part of all. Throws ModelError. */
export function sparsifyTargets(
  input: Model,
  targets: readonly Target[],
  { method, ...options }: SparsifyOptions,
  sums: ActivationSums,
  { progress, signal }: PassContext,
): Omit<PassResult, 'skipped'> {
  const model = cloneModel(input);
  const sparsifier = new WeightSparsifier(method, amountOf(options), sums);
  const total = targets.reduce((sum, { tensor }) => sum + tensor.byteLength, 0);
  let [done, numbers, zeros, changed] = [0, 0, 0, 0];
  for (const target of targets) {
    signal?.throwIfAborted();
    const before = readRows(target);
    const after = before.slice();
    sparsifier.run(target, after);
    after.forEach((value, i) => {
      if (value === 0) zeros++;
      if (value !== before[i]) changed++;
    });
    numbers += after.length;
    setConstant(model.graph, target.name, writeRows(target, after));
    progress((done += target.tensor.byteLength), total);
  }
  const stats = {
    weights: targets.length,
    numbers,
    zeros,
    changed,
    ...(method === 'sparsegpt' ? { [DAMPING]: 100 * sparsifier.damping } : {}),
  };
  return { model, changed: changed > 0, stats };
}

/** A Constant node becomes an initializer of its name. */
function setConstant(graph: Graph, name: string, tensor: Tensor): void {
  graph.initializers.set(name, tensor);
  graph.nodes = graph.nodes.filter((node) => node.outputs[0] !== name);
}
