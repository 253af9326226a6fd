// One step of training: batches through the gradient graph, gradients to the optimizer.
import { differentiate } from '../autodiff/differentiate.ts';
import type { Gradient, GradientRows } from '../autodiff/types.ts';
import { ModelError } from '../errors.ts';
import { Builder } from '../ir/builder.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import { memoryTensor } from '../ir/tensor.ts';
import { Dropout } from './dropout.ts';
import { AdamW, type AdamWOptions } from './optimizer.ts';
import type { Objective, TrainBatch, TrainContext, TrainSession } from './types.ts';
import { layOut, type DenseWeight, type Weight } from './weights.ts';

type Outputs = Readonly<Record<string, HostTensor>>;

export interface StepResult {
  /** Means over the step's batches. */
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  /** Global norm of the gradient; NaN where the loss is not finite. */
  readonly norm: number;
  /** False where loss or gradient are not finite: no weight was changed. */
  readonly taken: boolean;
}

/** Names in the gradient graph. */
interface Built {
  readonly loss: string;
  /** Outputs of the loss's parts by their names. */
  readonly parts: ReadonlyMap<string, string>;
  readonly gradients: ReadonlyMap<string, Gradient>;
  readonly dropout: Dropout;
}

/** The gradient graph in its session, the weights, and the optimizer. */
export class Stepper {
  readonly optimizer: AdamW;
  readonly #model: Model;
  readonly #session: TrainSession;
  readonly #built: Built;
  /** Inputs of every step. */
  readonly #values: Outputs;

  /**
   * Differentiates the objective and opens its session.
   * @throws ModelError where the loss depends on none of the weights, or an operator has no gradient
   */
  static async open(
    objective: Objective,
    options: AdamWOptions & { readonly dropout?: number | undefined; readonly seed?: number | undefined },
    context: TrainContext,
  ): Promise<Stepper> {
    const dropout = new Dropout(options.dropout ?? 0, options.seed ?? 0);
    const { model, loss, parts } = withLoss(objective, dropout);
    const of = objective.weights.map(({ name }) => name);
    const { model: both, gradients } = differentiate(model, { loss, of, keep: [...parts.values()] });
    const trained = objective.weights.filter(({ name }) => gradients.has(name));
    if (trained.length === 0)
      throw new ModelError(`loss '${loss}': expected to depend on a weight, found that it does not`);
    if (trained.length < of.length) {
      const left = of.filter((name) => !gradients.has(name));
      const names = left.length > 3 ? `${left.slice(0, 3).join(', ')}…` : left.join(', ');
      context.log(
        `the loss does not depend on ${left.length} of ${of.length} weights, which stay as they are: ${names}`,
      );
      unfeed(both, model, left);
    }
    const plans = trained.map(({ name, decay }) => ({
      name,
      decay,
      tensor: model.graph.initializers.get(name)!,
      byRows: gradients.get(name)!.kind === 'rows',
    }));
    const session = await context.open(both);
    return new Stepper(
      objective.model,
      session,
      { loss, parts, gradients, dropout },
      new AdamW(layOut(plans), options),
    );
  }

  private constructor(model: Model, session: TrainSession, built: Built, optimizer: AdamW) {
    this.#model = model;
    this.#session = session;
    this.#built = built;
    this.optimizer = optimizer;
    this.#values = Object.fromEntries(optimizer.weights.map(({ name, value }) => [name, value]));
  }

  get weights(): readonly Weight[] {
    return this.optimizer.weights;
  }

  /**
   * Takes a step along the mean of the batches' gradients.
   * @param number of the first batch over the whole run: what is random in a batch depends on it
   */
  async step(batches: readonly TrainBatch[], rate: number, number: number): Promise<StepResult> {
    const share = 1 / batches.length;
    let loss = 0;
    const parts: Record<string, number> = {};
    for (const [i, batch] of batches.entries()) {
      const feeds = { ...batch.feeds, ...this.#values, ...this.#masks(batch, number + i) };
      const outputs = await this.#session.run(feeds, this.#wanted(i === 0));
      loss += share * scalarOf(outputs, this.#built.loss);
      for (const [name, output] of this.#built.parts) {
        parts[name] = (parts[name] ?? 0) + share * scalarOf(outputs, output);
      }
      for (const weight of this.weights) this.#collect(weight, outputs, i === 0);
    }
    if (Number.isFinite(loss)) return { loss, parts, ...this.optimizer.step(rate, share) };
    this.optimizer.discard();
    return { loss, parts, norm: NaN, taken: false };
  }

  /** The objective's model with other weights; where none are given, those that are being trained, not copies. */
  model(values = this.weights.map(({ value }) => value.data)): Model {
    const model = cloneModel(this.#model);
    for (const [i, { name, value }] of this.weights.entries()) {
      model.graph.initializers.set(name, memoryTensor('float32', value.dims, values[i]!));
    }
    return model;
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  /** Masks of dropout, for a batch whose sizes the model's first input has. */
  #masks(batch: TrainBatch, number: number): Outputs {
    const first = this.#model.graph.inputs[0]?.name ?? '';
    const [rows = batch.rows, length = 1] = batch.feeds[first]?.dims ?? [];
    return this.#built.dropout.feeds(rows, length, number);
  }

  /** Outputs of a run. The first batch's dense gradients are computed where the optimizer reads them. */
  #wanted(first: boolean): Record<string, HostTensor | null> {
    const wanted: Record<string, HostTensor | null> = { [this.#built.loss]: null };
    for (const output of this.#built.parts.values()) wanted[output] = null;
    for (const weight of this.weights) {
      const gradient = this.#built.gradients.get(weight.name)!;
      if (gradient.kind !== 'rows') wanted[gradient.output] = first && !weight.byRows ? weight.gradient : null;
      for (const part of rowsOf(gradient)) Object.assign(wanted, { [part.indices]: null, [part.rows]: null });
    }
    return wanted;
  }

  #collect(weight: Weight, outputs: Outputs, first: boolean): void {
    const gradient = this.#built.gradients.get(weight.name)!;
    if (gradient.kind !== 'rows' && !weight.byRows && !first) {
      add(weight.gradient.data, floatsOf(outputs, gradient.output));
    }
    for (const { indices, rows } of rowsOf(gradient)) {
      if (weight.byRows) this.optimizer.addRows(weight, outputs[indices]!, outputs[rows]!);
      else addRows(weight, outputs[indices]!, floatsOf(outputs, rows));
    }
  }
}

/** The objective's graph with its loss, and masks in it. */
function withLoss(
  objective: Objective,
  dropout: Dropout,
): { model: Model; loss: string; parts: ReadonlyMap<string, string> } {
  const model = cloneModel(objective.model);
  const opset = model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;
  const builder = new Builder(model.graph, opset, 'train');
  if (dropout.ratio > 0) dropout.insert(model.graph, builder, objective.dropout ?? []);
  const appended = objective.appendLoss(builder);
  model.graph.nodes.push(...builder.nodes);
  model.graph.inputs.push(...appended.inputs);
  return { model, loss: appended.loss, parts: new Map(Object.entries(appended.parts ?? {})) };
}

/** Weights that are not trained are initializers again, as in the model that was differentiated. */
function unfeed({ graph }: Model, from: Model, names: readonly string[]): void {
  for (const name of names) graph.initializers.set(name, from.graph.initializers.get(name)!);
  const given = new Set(from.graph.inputs.map(({ name }) => name));
  graph.inputs = graph.inputs.filter(({ name }) => given.has(name) || !names.includes(name));
}

function rowsOf(gradient: Gradient): readonly GradientRows[] {
  return gradient.kind === 'dense' ? [] : gradient.parts;
}

function floatsOf(outputs: Outputs, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new TypeError(`output '${name}': expected float32`);
  return data;
}

function scalarOf(outputs: Outputs, name: string): number {
  return floatsOf(outputs, name)[0]!;
}

function add(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
}

/** Rows of a table that has a dense gradient as well (a tied decoder). */
function addRows({ value, gradient }: DenseWeight, indices: HostTensor, rows: Float32Array): void {
  const [height, width] = [value.dims[0]!, rows.length / indices.data.length];
  for (let i = 0; i < indices.data.length; i++) {
    const index = Number(indices.data[i]);
    const to = (index < 0 ? index + height : index) * width;
    for (let j = 0; j < width; j++) gradient.data[to + j]! += rows[i * width + j]!;
  }
}
