// Gradients of the loss by a mask on every head and neuron, one row a sample.
import { differentiate } from '../../autodiff/differentiate.ts';
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model, ValueInfo } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import type { Goal } from '../../objectives/goal.ts';
import type { Site } from '../../passes/prune/sites.ts';
import type { Session } from '../../runtime/session.ts';
import type { SortedBatch } from '../../objectives/sorted-batches.ts';
import { appendProbes, directions, type Probe } from '../../passes/prune/probe.ts';

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
 * The derivative of each sample's loss by a mask on each unit, at one: [sequences, units] for each site. That by a mask that
 * multiplies the features x of a unit is the sum over tokens and features of x dx, so that no mask stands in the graph.
 * From labels where `goal` is given, else from the model's own predictions (passes/prune/probe.ts).
 */
export async function maskGradients(
  model: Model,
  sites: readonly Site[],
  batches: readonly SortedBatch[],
  open: WithSession,
  options: GradientOptions,
): Promise<Float32Array[]> {
  const { goal, probes, seed, progress, signal } = options;
  const rows = batches.reduce((sum, { padded }) => sum + padded.size, 0);
  const found = sites.map(({ units }) => new Float32Array(rows * units));
  const graph = gradientGraph(model, sites, goal, probes);
  const run = async (forward: Session | undefined): Promise<void> =>
    open(graph.model, 'the gradient graph', async (session) => {
      let at = 0;
      for (const [b, batch] of batches.entries()) {
        signal?.throwIfAborted();
        const wanted = probes.map(({ output }) => output);
        const extra = forward
          ? directions(probes, await forward.run(batch.feeds, wanted), batch.padded.mask, seed + b)
          : batch.labels;
        const outputs = await session.run({ ...batch.feeds, ...extra });
        // the goals' losses are means over the batch
        const scale = forward ? 1 : batch.rows;
        for (const [s, name] of graph.masks.entries()) {
          const masks = outputs[name]!.data as Float32Array; // gradients are float32
          const from = at * sites[s]!.units;
          for (let i = 0; i < masks.length; i++) found[s]![from + i] = scale * masks[i]!;
        }
        at += batch.padded.size;
        progress(b + 1, batches.length);
      }
    });
  await (goal ? run(undefined) : open(model, 'the model', run));
  return found;
}

interface GradientGraph {
  readonly model: Model;
  /** Output of each site: [sequences, units]. */
  readonly masks: readonly string[];
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
  const values = sites.map(({ dense }) => dense.input);
  const { model: made, gradients } = differentiate(copy, { loss, of: values, keep: values });
  const { graph } = made;
  const builder = new Builder(graph, opsetOf(made), 'prune_fisher');
  const masks = sites.map(({ dense: { input }, units, unit }) => {
    const gradient = gradients.get(input);
    const dx = gradient && gradient.kind !== 'rows' ? gradient.output : builder.op('Sub', [input, input]);
    const summed = builder.reduceSum(builder.op('Mul', [input, dx]), [1], false);
    if (unit === 1) return summed;
    return builder.reduceSum(builder.op('Reshape', [summed, builder.ints([-1, units, unit])]), [2], false);
  });
  graph.nodes.push(...builder.nodes);
  graph.outputs = masks.map((name) => ({ name, dtype: 'float32' as const }));
  sweep(graph);
  return { model: made, masks };
}

function shapeOf(model: Model, output: string): Pick<ValueInfo, 'shape'> {
  const shape = model.graph.outputs.find(({ name }) => name === output)?.shape;
  return shape ? { shape } : {};
}

export function opsetOf(model: Model): number {
  return model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;
}
