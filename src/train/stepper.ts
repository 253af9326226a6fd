// One step of training: batches through the gradient graph, gradients to the optimizer.
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import { memoryTensor } from '../ir/tensor.ts';
import { LossScale } from './loss-scale.ts';
import { AdamW, type AdamWOptions } from './optimizer.ts';
import { PIECE_TOKENS, piecesOf, type Piece } from './pieces.ts';
import { trainingGraph, type GraphOptions, type TrainingGraph } from './training-graph.ts';
import { StepSums } from './step-sums.ts';
import type { Objective, Outputs, TrainBatch, TrainContext, TrainHelpers, TrainSession } from './types.ts';
import { layOut, type Weight } from './weights.ts';

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
  readonly workers?: number | undefined;
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
    if (!graph.cuttable && (options.workers ?? 1) > 1)
      context.log('batches of this loss are run whole: workers share only those that are accumulated for a step');
    const optimizer = new AdamW(layOut(graph.plans), options);
    return new Stepper(
      objective.model,
      await context.open(graph.model, (options.workers ?? 1) - 1),
      graph,
      optimizer,
      options.pieceTokens,
    );
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
    const sums = new StepSums(this.#graph, this.optimizer, share);
    const { helpers } = this.#session;
    if (helpers) await this.#runShared(helpers, this.#feeds(batches, number), sums);
    else for (const feeds of this.#feeds(batches, number)) await this.#run(feeds, sums);
    const { loss, parts } = sums;
    if (Number.isFinite(loss)) return { loss, parts, ...this.#update(rate, share) };
    this.optimizer.discard();
    return { loss, parts, norm: NaN, taken: false, overflow: false };
  }

  async #run(feeds: Outputs, sums: StepSums): Promise<void> {
    sums.take(await this.#session.run({ ...feeds, ...this.#values }, sums.wanted()));
  }

  /** Pieces in turn to this process and the helpers; sums in their order, whoever is done first. */
  async #runShared(helpers: TrainHelpers, pieces: Iterable<Outputs>, sums: StepSums): Promise<void> {
    helpers.begin(this.#values);
    const [dense, others] = [Object.keys(sums.dense()), sums.others()];
    const own: Outputs[] = [];
    let count = 0;
    for (const feeds of pieces) {
      const index = (count++ % (helpers.count + 1)) - 1;
      if (index < 0) own.push(feeds);
      else helpers.give(index, feeds, dense, others);
    }
    for (const feeds of own) await this.#run(feeds, sums);
    for (let index = 0; index < Math.min(helpers.count, count - 1); index++)
      sums.take(...(await helpers.finish(index, Object.values(sums.dense()))));
  }

  /** What each piece of the batches feeds beside the weights. */
  *#feeds(batches: readonly TrainBatch[], number: number): Generator<Outputs> {
    for (const [i, batch] of batches.entries()) {
      const masks = this.#graph.dropout.masks(number + i);
      for (const piece of this.#pieces(batch)) {
        const drawn = masks(...this.#sizes(piece));
        // masks are valid until the next are drawn, and pieces that are shared wait
        const kept = this.#session.helpers ? copies(drawn) : drawn;
        yield { ...piece.feeds, ...piece.shares, ...kept, ...this.#scale() };
      }
    }
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
    const workers = 1 + (this.#session.helpers?.count ?? 0);
    // as many for each worker
    const count = Math.ceil((rows * length) / this.#pieceTokens / workers) * workers;
    return piecesOf(batch, this.#graph.shares, this.#graph.cuttable ? count : 1);
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
}

function copies(tensors: Outputs): Outputs {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
  );
}
