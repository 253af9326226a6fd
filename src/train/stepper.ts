// One step of training: batches through the gradient graph, gradients to the optimizer.
import type { Gradient, GradientRows } from '../autodiff/types.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import { memoryTensor } from '../ir/tensor.ts';
import { LossScale } from './loss-scale.ts';
import { AdamW, type AdamWOptions } from './optimizer.ts';
import { PIECE_TOKENS, piecesOf, type Piece } from './pieces.ts';
import { trainingGraph, type GraphOptions, type TrainingGraph } from './training-graph.ts';
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
  /** In fp16: the gradient was not finite, and the scale of the loss was halved for that. */
  readonly overflow: boolean;
}

export interface StepperOptions extends AdamWOptions, GraphOptions {
  /** See `TrainOptions`. */
  readonly pieceTokens?: number | undefined;
}

/** The gradient graph in its session, the weights, and the optimizer. */
export class Stepper {
  readonly optimizer: AdamW;
  /** In fp16. */
  readonly scaling: LossScale | undefined;
  readonly #model: Model;
  readonly #session: TrainSession;
  readonly #graph: TrainingGraph;
  readonly #pieceTokens: number;
  /** Inputs of every step. */
  readonly #values: Outputs;

  /**
   * Differentiates the objective and opens its session.
   * @throws ModelError where the loss depends on none of the weights, or an operator has no gradient
   */
  static async open(objective: Objective, options: StepperOptions, context: TrainContext): Promise<Stepper> {
    const graph = trainingGraph(objective, options, context);
    const optimizer = new AdamW(layOut(graph.plans), options);
    return new Stepper(objective.model, await context.open(graph.model), graph, optimizer, options.pieceTokens);
  }

  private constructor(
    model: Model,
    session: TrainSession,
    graph: TrainingGraph,
    optimizer: AdamW,
    pieceTokens = PIECE_TOKENS,
  ) {
    this.#model = model;
    this.#session = session;
    this.#graph = graph;
    this.#pieceTokens = pieceTokens;
    this.optimizer = optimizer;
    this.scaling = graph.scale === undefined ? undefined : new LossScale();
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
    let first = true;
    const parts: Record<string, number> = {};
    for (const [i, batch] of batches.entries()) {
      const masks = this.#graph.dropout.masks(number + i);
      for (const piece of this.#pieces(batch)) {
        const own = { ...piece.shares, ...this.#values, ...masks(...this.#sizes(piece)), ...this.#scale() };
        const feeds = { ...piece.feeds, ...own };
        const outputs = await this.#session.run(feeds, this.#wanted(first));
        loss += share * scalarOf(outputs, this.#graph.loss);
        for (const [name, output] of this.#graph.parts) {
          parts[name] = (parts[name] ?? 0) + share * scalarOf(outputs, output);
        }
        for (const weight of this.weights) this.#collect(weight, outputs, first);
        first = false;
      }
    }
    if (Number.isFinite(loss)) return { loss, parts, ...this.#update(rate, share) };
    this.optimizer.discard();
    return { loss, parts, norm: NaN, taken: false, overflow: false };
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

  #update(rate: number, share: number): Pick<StepResult, 'norm' | 'taken' | 'overflow'> {
    const done = this.optimizer.step(rate, share / (this.scaling?.state.scale ?? 1));
    return { ...done, overflow: this.scaling?.note(done.taken) ?? false };
  }

  #pieces(batch: TrainBatch): Piece[] {
    const [rows, length] = this.#sizes(batch);
    const count = this.#graph.cuttable ? Math.ceil((rows * length) / this.#pieceTokens) : 1;
    return piecesOf(batch, this.#graph.shares, count);
  }

  #scale(): Outputs {
    const { scale } = this.#graph;
    if (scale === undefined || !this.scaling) return {};
    return { [scale]: { dtype: 'float32', dims: [], data: Float32Array.of(this.scaling.state.scale) } };
  }

  /** Rows and length of the model's first input. */
  #sizes(batch: TrainBatch): [rows: number, length: number] {
    const first = this.#model.graph.inputs[0]?.name ?? '';
    const [rows = batch.rows, length = 1] = batch.feeds[first]?.dims ?? [];
    return [rows, length];
  }

  /** Outputs of a run. Dense gradients are computed where the optimizer reads them, those after the first beside, to be added. */
  #wanted(first: boolean): Record<string, HostTensor | null> {
    const wanted: Record<string, HostTensor | null> = { [this.#graph.loss]: null };
    for (const output of this.#graph.parts.values()) wanted[output] = null;
    for (const weight of this.weights) {
      const gradient = this.#graph.gradients.get(weight.name)!;
      if (gradient.kind !== 'rows')
        wanted[gradient.output] = weight.byRows ? null : first ? weight.gradient : weight.more;
      for (const part of rowsOf(gradient)) Object.assign(wanted, { [part.indices]: null, [part.rows]: null });
    }
    return wanted;
  }

  #collect(weight: Weight, outputs: Outputs, first: boolean): void {
    const gradient = this.#graph.gradients.get(weight.name)!;
    if (!weight.byRows && !first) weight.kernels.add(weight.at[1], weight.at[4], weight.padded);
    for (const { indices, rows } of rowsOf(gradient)) {
      if (weight.byRows) this.optimizer.addRows(weight, outputs[indices]!, outputs[rows]!);
      else addRows(weight, outputs[indices]!, floatsOf(outputs, rows));
    }
  }
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

/** Rows of a table that has a dense gradient as well (a tied decoder). */
function addRows({ value, gradient }: DenseWeight, indices: HostTensor, rows: Float32Array): void {
  const [height, width] = [value.dims[0]!, rows.length / indices.data.length];
  for (let i = 0; i < indices.data.length; i++) {
    const index = Number(indices.data[i]);
    const to = (index < 0 ? index + height : index) * width;
    for (let j = 0; j < width; j++) gradient.data[to + j]! += rows[i * width + j]!;
  }
}
