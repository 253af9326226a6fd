// The graph of a training step: the model, its loss, what is random in it, and the gradients of the weights.
import { differentiate } from '../autodiff/differentiate.ts';
import type { Differentiated, Gradient } from '../autodiff/types.ts';
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
  /** Input that the loss is multiplied with before it is differentiated; only in fp16. */
  readonly scale?: string | undefined;
  readonly dropout: Dropout;
  /** The weights that have a gradient. */
  readonly plans: readonly WeightPlan[];
}

export interface GraphOptions {
  readonly dropout?: number | undefined;
  readonly seed?: number | undefined;
  /** See `TrainOptions`. */
  readonly precision?: 'fp32' | 'fp16' | undefined;
}

type GraphContext = Pick<TrainContext, 'log' | 'half'>;

/** @throws ModelError where the loss depends on none of the weights, or an operator has no gradient */
export function trainingGraph(objective: Objective, options: GraphOptions, context: GraphContext): TrainingGraph {
  const dropout = new Dropout(options.dropout ?? 0, options.seed ?? 0);
  const isHalf = options.precision === 'fp16';
  const { model, root, own, ...names } = withLoss(objective, dropout, isHalf);
  const { loss, parts } = names;
  const of = objective.weights.map(({ name }) => name);
  const made = differentiate(model, { loss: root, of, keep: [loss, ...parts.values()] });
  const { gradients } = made;
  const trained = objective.weights.filter(({ name }) => gradients.has(name));
  if (trained.length === 0)
    throw new ModelError(`loss '${loss}': expected to depend on a weight, found that it does not`);
  const left = of.filter((name) => !gradients.has(name));
  if (left.length > 0) context.log(leftOut(left, of.length));
  const plans = trained.map(({ name, decay }) => ({
    name,
    decay,
    tensor: model.graph.initializers.get(name)!,
    byRows: gradients.get(name)!.kind === 'rows',
  }));
  return { ...names, model: isHalf ? halved(made, own, context) : made.model, gradients, dropout, plans };
}

function leftOut(names: readonly string[], all: number): string {
  const shown = names.length > 3 ? `${names.slice(0, 3).join(', ')}…` : names.join(', ');
  return `the loss does not depend on ${names.length} of ${all} weights, which stay as they are: ${shown}`;
}

/**
 * In float16, but for the loss and what leads from it back to the model: the scale itself is beyond float16, and what it is
 * multiplied with there is not yet spread over rows.
 */
function halved({ model, origins }: Differentiated, own: ReadonlySet<string>, { half }: GraphContext): Model {
  if (!half) throw new TypeError('precision fp16: expected a context that gives graphs in float16');
  const back = [...origins].flatMap(([name, origin]) => (own.has(origin) ? [name] : []));
  // onnxruntime adds in ScatterElements in float32 only
  const sums = model.graph.nodes.filter((node) => node.op === 'ScatterElements').map(({ name }) => name);
  return half(model, new Set([...own, ...back, ...sums]));
}

interface LossGraph extends Pick<TrainingGraph, 'model' | 'loss' | 'parts' | 'shares' | 'cuttable' | 'scale'> {
  /** What is differentiated: the loss, scaled where it is to be. */
  readonly root: string;
  /** Names of the loss's nodes. */
  readonly own: ReadonlySet<string>;
}

/** The objective's graph with its loss, and masks in it. */
function withLoss(objective: Objective, dropout: Dropout, scaled: boolean): LossGraph {
  const model = cloneModel(objective.model);
  const { graph } = model;
  const opset = model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;
  const builder = new Builder(graph, opset, 'train');
  if (dropout.ratio > 0) dropout.insert(graph, builder, objective.dropout ?? []);
  const before = builder.nodes.length;
  const { loss, parts = {}, inputs, shares } = sharing(objective.appendLoss(builder), builder);
  const scale = scaled ? builder.fresh('scale') : undefined;
  const root = scale === undefined ? loss : builder.op('Mul', [loss, scale]);
  const own = new Set(builder.nodes.slice(before).map(({ name }) => name));
  const fixed = graph.inputs.some(({ name, shape }) => !graph.initializers.has(name) && typeof shape?.[0] === 'number');
  const cuttable = shares.length > 0 && !fixed;
  const scalars = [...shares.map(({ input }) => input), ...(scale === undefined ? [] : [scale])];
  graph.nodes.push(...builder.nodes);
  graph.inputs.push(...inputs, ...scalars.map((name) => ({ name, dtype: 'float32' as const, shape: [] })));
  return { model, loss, parts: new Map(Object.entries(parts)), shares, cuttable, scale, root, own };
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
