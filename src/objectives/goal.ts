// What a model is trained for: how a row becomes token sequences and a target, and the loss of the model's outputs on them.
import type { TokenArrays } from '../evaluate/feeds.ts';
import type { Row } from '../data/dataset.ts';
import type { Encoding, Tokenizer } from '../data/tokenizer/tokenizer.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import type { Random } from '../math/random.ts';
import type { Objective } from '../train/types.ts';

/** A row ready to train on. */
export interface Sample<Target = unknown> {
  /** One, or two where the texts of a pair are embedded apart. */
  readonly sequences: readonly Encoding[];
  readonly target: Target;
}

/** Padded tokens of some samples: their sequences in order, all of a sample's before those of the next. */
export interface PaddedBatch extends TokenArrays {
  /** Where row r begins; 0 but where padding stands on the left. */
  readonly starts: Int32Array;
}

/** A goal: one file of this folder, one line in `registry.ts`. */
export interface Goal<Target = unknown> {
  /** The task that measures it. */
  readonly task: string;
  /** @throws DataError with the line of a label that cannot be used */
  sample(row: Row): Sample<Target>;
  /** Class ids in a target, where there are classes. */
  classesOf?(target: Target): Iterable<number>;
  /** The target of a row whose label is not learned; absent where the loss takes all rows. */
  readonly unlabelled?: Target | undefined;
  /** A target for which the loss is finite, for rows of another goal; absent where the goal cannot share a graph. */
  readonly idle?: Target | undefined;
  /** Values of the loss's inputs for a batch, and its tokens where they are changed. */
  feeds(batch: PaddedBatch, targets: readonly Target[], random: Random): GoalFeeds;
  /** Appends the loss; names of inputs are those of `feeds`. */
  readonly appendLoss: Objective['appendLoss'];
}

/** What batches are made with: a goal, or what gets its targets from elsewhere and so has to wait. */
export interface Feeder<Target = unknown> {
  feeds(batch: PaddedBatch, targets: readonly Target[], random: Random): GoalFeeds | Promise<GoalFeeds>;
}

export interface GoalFeeds {
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly tokens?: TokenArrays | undefined;
}

/** What goals are made from; each reads what it needs. */
export interface GoalContext {
  /** The data file, for messages. */
  readonly path: string;
  readonly tokenizer: Tokenizer;
  /** Most tokens of a sequence, special tokens counted. */
  readonly maxLength: number;
  /** Label names in order of the model's ids. */
  readonly labels: readonly string[];
  /** The output that is trained, and the size of its last dimension. */
  readonly output: string;
  readonly classes: number;
  /** Behind the names of the loss's inputs, where several goals share a graph. */
  readonly suffix?: string | undefined;
  /** Share of the target that is spread over all classes. */
  readonly smoothing?: number | undefined;
  /** A weight a class. */
  readonly classWeights?: readonly number[] | undefined;
  /** Appends the pooling of `output` where it has a row a token: [rows, width]; similarity only. */
  readonly pool?: Pool | undefined;
  /** Scores are divided by it. */
  readonly scale?: number | undefined;
}

/** From hidden states to a vector a sequence, in the graph. */
export type Pool = (builder: Parameters<Objective['appendLoss']>[0]) => string;

/** int64 tensor of integers. */
export function int64Tensor(dims: readonly number[], values: ArrayLike<number>): HostTensor {
  return { dtype: 'int64', dims, data: BigInt64Array.from(Array.from(values, BigInt)) };
}

/** float32 tensor. */
export function floatTensor(dims: readonly number[], data: Float32Array): HostTensor {
  return { dtype: 'float32', dims, data };
}
