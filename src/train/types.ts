// What training works on: weights, an objective, batches, and a session that runs a graph; and what it gives back.
import type { Builder } from '../ir/builder.ts';
import type { Model, ValueInfo } from '../ir/graph.ts';
import type { HostTensor } from '../ir/host-tensor.ts';

/** A graph that can be run. */
export interface TrainSession {
  /**
   * @param into outputs that are wanted, each with an array to write it into or null for a new one
   * @throws ModelError with onnxruntime's reason
   */
  run(
    feeds: Readonly<Record<string, HostTensor>>,
    into: Readonly<Record<string, HostTensor | null>>,
  ): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

/** A weight that is trained. */
export interface TrainedWeight {
  /** Name of the initializer, float32. */
  readonly name: string;
  /** Whether weight decay applies: not to biases and LayerNorm. */
  readonly decay: boolean;
}

/** What is made small. */
export interface Objective {
  /** The model as users get it; its initializers are the start. */
  readonly model: Model;
  readonly weights: readonly TrainedWeight[];
  /**
   * Appends the loss to a copy of the model's graph: from its values and from inputs of the loss's own (labels, the
   * teacher's outputs), which are declared in what is given back.
   */
  appendLoss(builder: Builder): AppendedLoss;
}

export interface AppendedLoss {
  /** A scalar: the mean over the batch. */
  readonly loss: string;
  /** Inputs that the loss reads beside the model's. */
  readonly inputs: readonly ValueInfo[];
  /** Scalars that progress shows: parts of the loss by name. */
  readonly parts?: Readonly<Record<string, string>> | undefined;
}

/** One step's data. */
export interface TrainBatch {
  /** For the model's inputs and the loss's. */
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** Examples in it. */
  readonly rows: number;
}

/** Batches, the same for the same epoch and seed. */
export interface BatchSource {
  /** Batches of an epoch. */
  readonly length: number;
  epoch(index: number): AsyncIterable<TrainBatch>;
}

/** What training needs from its caller; nothing global is read. */
export interface TrainContext {
  open(model: Model): Promise<TrainSession>;
  /** Milliseconds that only grow. */
  now(): number;
  /** The metric of the model as it is now, more is better; absent: nothing is evaluated on the way. */
  evaluate?(model: Model): Promise<number>;
  /** After every step. */
  progress?(step: StepReport): void;
  log(line: string): void;
  readonly signal?: AbortSignal | undefined;
}

export interface StepReport {
  readonly step: number;
  /** Steps in all, as far as known: time-bounded training estimates it. */
  readonly steps: number;
  readonly epoch: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly rate: number;
  /** Global norm of the gradient before clipping. */
  readonly norm: number;
  readonly seconds: number;
}
