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
  /** Present where some were asked for. */
  readonly helpers?: TrainHelpers | undefined;
}

/** Values of a graph by name. */
export type Outputs = Readonly<Record<string, HostTensor>>;

/** Processes that run the same graph on other pieces of a step at the same time. */
export interface TrainHelpers {
  readonly count: number;
  /** The weights of the step. */
  begin(values: Outputs): void;
  /** A run: feeds beside the weights, outputs to be summed over the runs, and others. Feeds are copied at once. */
  give(index: number, feeds: Outputs, dense: readonly string[], others: readonly string[]): void;
  /**
   * Waits for the runs that were given to one.
   * @param dense arrays for the sums, in the order of the names
   * @returns the other outputs of each run
   * @throws ModelError where the process ended
   */
  finish(index: number, dense: readonly HostTensor[]): Promise<readonly Outputs[]>;
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
   * Values that `TrainOptions.dropout` applies to where the model's nodes read them: in BERT the embeddings, the attention
   * probabilities and what is added to the residual stream (Devlin et al. 2019, appendix A.2). The loss reads them whole.
   */
  readonly dropout?: readonly string[] | undefined;
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
  /**
   * What the loss is a mean over, so that a batch may be run in pieces whose gradients add up to its own. Every input then has
   * its rows along axis 0. Absent, without `shares`: a batch is run whole.
   */
  readonly count?: Count | undefined;
  /** Instead of `count`, where terms are means over different things: each term is multiplied with a share. */
  readonly shares?: readonly Share[] | undefined;
}

/** How many there are, in a batch or a piece of it, of what a mean is over. */
export type Count = (batch: TrainBatch) => number;

/** The part of a mean that a piece of a batch has: count(piece) / count(batch). */
export interface Share {
  /** The float32 scalar that brings it; the trainer declares it. */
  readonly input: string;
  readonly count: Count;
}

/** One step's data. */
export interface TrainBatch {
  /** For the model's inputs and the loss's. */
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** Examples in it. */
  readonly rows: number;
}

/** Batches, the same for the same epoch and seed, so that a run can be taken up in the middle of an epoch. */
export interface BatchSource {
  /** Batches of an epoch. */
  readonly length: number;
  /** The epoch's batches from number `from` on: a resumed run starts within an epoch. */
  epoch(index: number, from: number): AsyncIterable<TrainBatch>;
}

/** What training needs from its caller; nothing global is read. */
export interface TrainContext {
  /** Opens the gradient graph, with so many helpers; without memory patterns (`SessionOptions.memoryPattern`), since every length is a shape. */
  open(model: Model, helpers: number): Promise<TrainSession>;
  /**
   * The same graph computing in float16, its inputs and outputs float32 as before; for `TrainOptions.precision`.
   * @param keep names of nodes that stay float32
   */
  half?(model: Model, keep: ReadonlySet<string>): Model;
  /** Milliseconds that only grow. */
  now(): number;
  /**
   * How good the model is as it is now, more is better; absent: nothing is evaluated on the way. The model's weights are the arrays that are
   * trained: it is not to be kept.
   */
  evaluate?(model: Model): Promise<number | Scores>;
  /** After every step. */
  progress?(step: StepReport): void;
  log(line: string): void;
  readonly signal?: AbortSignal | undefined;
}

export interface Scores {
  /** What is to be highest. */
  readonly metric: number;
  /** Of each task by its name, where there are several. */
  readonly tasks?: Readonly<Record<string, number>> | undefined;
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

/** How the rate goes: up in a line to `TrainOptions.rate`, then down to a floor. */
export interface ScheduleOptions {
  /** Default linear. */
  readonly shape?: 'linear' | 'cosine' | 'constant' | undefined;
  /** Below 1 a share of the run, else steps; default 0.06. */
  readonly warmup?: number | undefined;
  /** Where it ends, as a share of the rate; default 0. */
  readonly floor?: number | undefined;
}

/** How long to train. Minutes are those of the clock, evaluations and checkpoints on the way counted, the last ones not. */
export type TrainLength = { readonly epochs: number } | { readonly steps: number } | { readonly minutes: number };

export interface TrainOptions {
  readonly length: TrainLength;
  /** Highest rate. */
  readonly rate: number;
  readonly schedule?: ScheduleOptions | undefined;
  /** Decoupled weight decay; default 0.01. */
  readonly decay?: number | undefined;
  /** Default 0.9 and 0.999. */
  readonly betas?: readonly [number, number] | undefined;
  /** Default 1e-8. */
  readonly epsilon?: number | undefined;
  /** Greatest global norm of the gradient; default 1, Infinity for none. */
  readonly clipNorm?: number | undefined;
  /** Greatest magnitude of an element of the gradient, before the norm is taken; default Infinity. */
  readonly clipValue?: number | undefined;
  /** Penalties l1 * sum |w| and l2 / 2 * sum w^2 on weights that decay; default 0. The loss that is shown is without them. */
  readonly l1?: number | undefined;
  readonly l2?: number | undefined;
  /** Names of weights whose zeros stay zero. */
  readonly keepZeros?: readonly string[] | undefined;
  /** Weights that become sparse by magnitude on the way; these zeros stay as well. */
  readonly gradual?: GradualSparsity | undefined;
  /** Batches whose gradients are averaged for one step; default 1. */
  readonly accumulate?: number | undefined;
  /**
   * Tokens that go through the graph at once; a batch of more is cut into pieces whose gradients are added, where the loss says
   * what it is a mean over. Default 1024: it costs less memory, and passes over memory stay in the caches.
   */
  readonly pieceTokens?: number | undefined;
  /** Processes that share the pieces of a step; default 1. The result is the same for the same number. */
  readonly workers?: number | undefined;
  /** Share of the elements of `Objective.dropout` that is set to zero while training; default 0. */
  readonly dropout?: number | undefined;
  /** Of what is random in training itself, which is dropout; default 0. */
  readonly seed?: number | undefined;
  readonly evaluate?: EvaluateOptions | undefined;
  readonly checkpoint?: CheckpointOptions | undefined;
  /**
   * What a step computes in; default fp32. fp16: weights are float32 and cast in the graph, the loss is float32 and scaled, so that
   * gradients stay within float16. Only providers that compute in float16 gain by it; CPUs do not.
   */
  readonly precision?: 'fp32' | 'fp16' | undefined;
  /** A loss or gradient that is not finite within this many steps of another one ends the run; default 100. */
  readonly patienceNotFinite?: number | undefined;
}

/** A cubic schedule of sparsity. Evaluations before its end are shown, but the weights of none of them are kept as the best. */
export interface GradualSparsity {
  /** Names of weights. */
  readonly of: readonly string[];
  /** Of each weight's numbers at the end. */
  readonly share: number;
  /** Shares of the run between which zeros are added; default 0 and 0.7. */
  readonly from?: number | undefined;
  readonly until?: number | undefined;
  /** Steps between additions; default 10. */
  readonly everySteps?: number | undefined;
}

/** When `TrainContext.evaluate` is called; the end of the run is always evaluated. */
export interface EvaluateOptions {
  /** Below 1 or equal: a share of an epoch; default 1, or where minutes bound the run eight times in all. */
  readonly everyEpochs?: number | undefined;
  /** Instead of a share of an epoch. */
  readonly everySteps?: number | undefined;
  /** Also before the first step; default false. */
  readonly first?: boolean | undefined;
  /** Ends the run after this many evaluations in a row without a new best; default never. */
  readonly patience?: number | undefined;
}

export interface CheckpointOptions {
  /** Where the last two checkpoints lie. */
  readonly folder: string;
  readonly everySteps: number;
  /** Go on from the newest checkpoint in the folder, if there is one. */
  readonly resume?: boolean | undefined;
  /** What must be the same when the run is resumed, as a text or a hash of it: data, model, options. */
  readonly fingerprint: string;
}

/** One point of the curve: the means over the steps since the point before. */
export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly rate: number;
}

export interface Evaluation extends Scores {
  readonly step: number;
}

export interface TrainResult {
  /** The objective's model with trained weights: the best evaluated ones, or the last where nothing was evaluated. */
  readonly model: Model;
  /** 'not-finite': `reason` says what was found. */
  readonly stopped: 'done' | 'early' | 'interrupted' | 'not-finite';
  readonly reason?: string | undefined;
  /** Steps taken, over all resumed parts. */
  readonly steps: number;
  /** Epochs gone through, with a fraction. */
  readonly epochs: number;
  /** Seconds of the loop, over all resumed parts. */
  readonly seconds: number;
  /** Of fp16: the loss's scale at the end, and steps that were skipped because a gradient overflowed. */
  readonly scaling?: { readonly scale: number; readonly skipped: number } | undefined;
  readonly best?: Evaluation | undefined;
  /** At most some hundred points. */
  readonly curve: readonly CurvePoint[];
  readonly evaluations: readonly Evaluation[];
}
