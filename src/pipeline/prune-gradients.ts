// Gradients of the loss by a mask on every head and neuron, one row a sample, and how much each token's output matters.
import { differentiate } from '../autodiff/differentiate.ts';
import { Builder } from '../ir/builder.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model, ValueInfo } from '../ir/graph.ts';
import { sweep } from '../ir/sweep.ts';
import { elementCount } from '../ir/tensor.ts';
import type { Goal } from '../objectives/goal.ts';
import type { Site } from '../passes/prune/sites.ts';
import type { Session } from '../runtime/session.ts';
import type { PruneBatch } from './prune-batches.ts';
import { appendProbes, directions, type Probe } from './prune-probe.ts';

/** What was found at one site. */
export interface SiteGradients {
  /** [sequences, units]: derivative of a sample's loss by the unit's mask at one. */
  readonly masks: Float32Array;
  /** A batch each: squared norm of the gradient at the output of every token, [sequences, length]. */
  readonly tokens: readonly Float32Array[];
  /** Sum over tokens of g g^T, g the gradient at the block's output; [out, out]. */
  readonly outer: Float64Array;
}

/** Opens a model for one use and closes it. */
export type WithSession = <T>(model: Model, name: string, use: (session: Session) => Promise<T>) => Promise<T>;

export interface GradientOptions {
  readonly goal: Goal | undefined;
  readonly probes: readonly Probe[];
  readonly seed: number;
  readonly progress: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The derivative by a mask that multiplies the features x of a unit is the sum over tokens and features of x dx, so that no
 * mask stands in the graph. From labels where `goal` is given, else from the model's own predictions (prune-probe.ts).
 */
export async function maskGradients(
  model: Model,
  sites: readonly Site[],
  batches: readonly PruneBatch[],
  open: WithSession,
  options: GradientOptions,
): Promise<SiteGradients[]> {
  const { goal, probes, seed, progress, signal } = options;
  const rows = batches.reduce((sum, { padded }) => sum + padded.size, 0);
  const found = sites.map(({ units, dense: { outFeatures } }) => ({
    masks: new Float32Array(rows * units),
    tokens: [] as Float32Array[],
    outer: new Float64Array(outFeatures * outFeatures),
  }));
  const graph = gradientGraph(model, sites, goal, probes);
  const forward = async (use: (outputs: Session | undefined) => Promise<void>): Promise<void> =>
    goal ? use(undefined) : open(model, 'the model', (session) => use(session));
  await forward((given) =>
    open(graph.model, 'the gradient graph', async (session) => {
      let at = 0;
      for (const [b, batch] of batches.entries()) {
        signal?.throwIfAborted();
        const extra = given
          ? directions(probes, await given.run(batch.feeds, probes.map(({ output }) => output)), batch.padded, seed + b) // prettier-ignore
          : batch.labels;
        const outputs = await session.run({ ...batch.feeds, ...extra });
        // the goals' losses are means over the batch
        const scale = given ? 1 : batch.rows;
        for (const [s, names] of graph.names.entries()) {
          const { masks, tokens, outer } = found[s]!;
          const read = (name: string): Float32Array => outputs[name]!.data as Float32Array; // gradients are float32
          read(names.masks).forEach((g, i) => (masks[at * sites[s]!.units + i] = scale * g));
          tokens.push(read(names.tokens).map((g) => scale * scale * g));
          read(names.outer).forEach((g, i) => (outer[i] = outer[i]! + scale * scale * g));
        }
        at += batch.padded.size;
        progress(b + 1, batches.length);
      }
    }),
  );
  return found;
}

interface GradientGraph {
  readonly model: Model;
  readonly names: readonly { readonly masks: string; readonly tokens: string; readonly outer: string }[];
}

function gradientGraph(
  model: Model,
  sites: readonly Site[],
  goal: Goal | undefined,
  probes: readonly Probe[],
): GradientGraph {
  const copy = cloneModel(model);
  const head = new Builder(copy.graph, opsetOf(copy), 'prune');
  const inputs: ValueInfo[] = goal ? [] : probes.map(({ output, input }) => ({ ...input, ...shapeOf(model, output) }));
  let loss: string;
  if (goal) {
    const appended = goal.appendLoss(head);
    loss = appended.loss;
    inputs.push(...appended.inputs);
  } else loss = appendProbes(head, probes);
  copy.graph.nodes.push(...head.nodes);
  copy.graph.inputs.push(...inputs);
  const values = sites.flatMap(({ dense }) => [dense.input, dense.output]);
  const { model: made, gradients } = differentiate(copy, { loss, of: values, keep: sites.map((site) => site.dense.input) });
  const { graph } = made;
  const builder = new Builder(graph, opsetOf(made), 'prune_fisher');
  const gradientOf = (value: string): string => {
    const gradient = gradients.get(value);
    return gradient && gradient.kind !== 'rows' ? gradient.output : builder.op('Sub', [value, value]);
  };
  const names = sites.map(({ dense, units, unit }) => {
    const [dx, dy] = [gradientOf(dense.input), gradientOf(dense.output)];
    const summed = builder.reduceSum(builder.op('Mul', [dense.input, dx]), [1], false);
    const masks =
      unit === 1 ? summed : builder.reduceSum(builder.op('Reshape', [summed, builder.ints([-1, units, unit])]), [2], false);
    const flat = builder.op('Reshape', [dy, builder.ints([-1, dense.outFeatures])]);
    const tokens = builder.reduceSum(builder.op('Mul', [dy, dy]), [2], false);
    return { masks, tokens, outer: builder.op('Gemm', [flat, flat], { transA: 1n }) };
  });
  graph.nodes.push(...builder.nodes);
  graph.outputs = names.flatMap(({ masks, tokens, outer }) =>
    [masks, tokens, outer].map((name) => ({ name, dtype: 'float32' as const })),
  );
  sweep(graph);
  return { model: made, names };
}

function shapeOf(model: Model, output: string): Pick<ValueInfo, 'shape'> {
  const shape = model.graph.outputs.find(({ name }) => name === output)?.shape;
  return shape ? { shape } : {};
}

export function opsetOf(model: Model): number {
  return model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;
}

/** Sequences in gradients of a site. */
export function sequencesOf({ masks }: SiteGradients, { units }: Site): number {
  return elementCount([masks.length]) / units;
}
