// The graph of a training step: the model, its loss, what is random in it, and the gradients of the weights.
import { differentiate } from '../autodiff/differentiate.ts';
import type { Gradient } from '../autodiff/types.ts';
import { ModelError } from '../errors.ts';
import { Builder } from '../ir/builder.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import { Dropout } from './dropout.ts';
import type { AppendedLoss, Objective, Share, TrainContext } from './types.ts';
import type { WeightPlan } from './weights.ts';

/** The graph and the names in it. */
export interface TrainingGraph {
  /** Weights are inputs of it; loss, parts and gradients its outputs. */
  readonly model: Model;
  readonly loss: string;
  /** Outputs of the loss's parts by their names. */
  readonly parts: ReadonlyMap<string, string>;
  readonly gradients: ReadonlyMap<string, Gradient>;
  /** Inputs that bring a piece's share of the batch. */
  readonly shares: readonly Share[];
  /** Whether batches can be run in pieces: the loss says what it is a mean over, and the model takes any number of rows. */
  readonly cuttable: boolean;
  readonly dropout: Dropout;
  /** The weights that have a gradient. */
  readonly plans: readonly WeightPlan[];
}

export interface GraphOptions {
  readonly dropout?: number | undefined;
  readonly seed?: number | undefined;
}

/** @throws ModelError where the loss depends on none of the weights, or an operator has no gradient */
export function trainingGraph(objective: Objective, options: GraphOptions, log: TrainContext['log']): TrainingGraph {
  const dropout = new Dropout(options.dropout ?? 0, options.seed ?? 0);
  const { model, loss, parts, shares, cuttable } = withLoss(objective, dropout);
  const of = objective.weights.map(({ name }) => name);
  const { model: both, gradients } = differentiate(model, { loss, of, keep: [...parts.values()] });
  const trained = objective.weights.filter(({ name }) => gradients.has(name));
  if (trained.length === 0)
    throw new ModelError(`loss '${loss}': expected to depend on a weight, found that it does not`);
  if (trained.length < of.length)
    log(
      leftOut(
        of.filter((name) => !gradients.has(name)),
        of.length,
      ),
    );
  const plans = trained.map(({ name, decay }) => ({
    name,
    decay,
    tensor: model.graph.initializers.get(name)!,
    byRows: gradients.get(name)!.kind === 'rows',
  }));
  return { model: both, loss, parts, gradients, shares, cuttable, dropout, plans };
}

function leftOut(names: readonly string[], all: number): string {
  const shown = names.length > 3 ? `${names.slice(0, 3).join(', ')}…` : names.join(', ');
  return `the loss does not depend on ${names.length} of ${all} weights, which stay as they are: ${shown}`;
}

/** The objective's graph with its loss, and masks in it. */
function withLoss(
  objective: Objective,
  dropout: Dropout,
): Pick<TrainingGraph, 'model' | 'loss' | 'parts' | 'shares' | 'cuttable'> {
  const model = cloneModel(objective.model);
  const { graph } = model;
  const opset = model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;
  const builder = new Builder(graph, opset, 'train');
  if (dropout.ratio > 0) dropout.insert(graph, builder, objective.dropout ?? []);
  const appended = sharing(objective.appendLoss(builder), builder);
  const fixed = graph.inputs.some(({ name, shape }) => !graph.initializers.has(name) && typeof shape?.[0] === 'number');
  const { shares } = appended;
  const cuttable = shares.length > 0 && !fixed;
  graph.nodes.push(...builder.nodes);
  graph.inputs.push(...appended.inputs);
  for (const { input } of shares) graph.inputs.push({ name: input, dtype: 'float32', shape: [] });
  return { model, loss: appended.loss, parts: new Map(Object.entries(appended.parts ?? {})), shares, cuttable };
}

/** The loss times its share, where it says what it is a mean over and not how its terms are shared. */
function sharing(appended: AppendedLoss, builder: Builder): AppendedLoss & { readonly shares: readonly Share[] } {
  const { count, shares, loss, parts = {} } = appended;
  if (shares || !count) return { ...appended, shares: shares ?? [] };
  const share = { input: builder.fresh('share'), count };
  const times = (value: string): string => builder.op('Mul', [value, share.input]);
  const shared = times(loss);
  const each = Object.entries(parts).map(([name, value]) => [name, value === loss ? shared : times(value)]);
  return { ...appended, loss: shared, parts: Object.fromEntries(each), shares: [share] };
}
