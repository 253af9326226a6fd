// Losses, appended to a graph as standard operators: each gives the name of a float32 scalar, the mean over what it is of.
// Only operators that autodiff has rules for stand between a loss and what it is of.
import type { Builder } from '../ir/builder.ts';
import { floats, int64s } from '../ir/tensor.ts';

const FLOAT = { to: 1n };
/** Keeps a quotient finite where nothing is counted. */
const TINY = 1e-12;

export interface CrossEntropyOptions {
  /** Size of the last axis of the logits. */
  readonly classes: number;
  /** Share of the target that is spread evenly over all classes (Szegedy et al. 2016, section 7); default 0. */
  readonly smoothing?: number | undefined;
  /** A weight for each class; the mean is weighted by that of the label, as in PyTorch. */
  readonly weights?: readonly number[] | undefined;
}

/**
 * Cross-entropy of logits float32 [..., classes] and labels int64 [...]; a label below zero is not counted (PyTorch
 * writes -100). No label at all gives 0.
 */
export function crossEntropy(builder: Builder, logits: string, labels: string, options: CrossEntropyOptions): string {
  const { classes, smoothing = 0, weights } = options;
  const weighted = (value: string): string =>
    weights ? builder.op('Mul', [value, builder.tensor(floats([classes], weights))]) : value;
  // an index of `classes` is beyond the last one: OneHot leaves the row at zero. A negative one would count from the end
  const beyond = builder.tensor(int64s([], [classes]));
  const negative = builder.op('Less', [labels, builder.tensor(int64s([], [0]))]);
  const hot = builder.op(
    'OneHot',
    [
      builder.op('Where', [negative, beyond, labels]),
      builder.ints([classes]),
      builder.tensor(floats([2], [0, 1]), 'off_on'),
    ],
    { axis: -1n },
  );
  const counted = sumAll(builder, weighted(hot));
  let target = hot;
  if (smoothing > 0) {
    const spread = builder.op('Mul', [builder.reduceSum(hot, [-1], true), builder.scalar(smoothing / classes)]);
    target = builder.op('Add', [builder.op('Mul', [hot, builder.scalar(1 - smoothing)]), spread]);
  }
  const products = builder.op('Mul', [weighted(target), logSoftmax(builder, logits)]);
  const mean = builder.op('Div', [sumAll(builder, products), builder.op('Max', [counted, builder.scalar(TINY)])]);
  return negated(builder, mean);
}

/**
 * Binary cross-entropy of logits float32 [..., classes] and labels float32 of the same shape, 0 to 1; mean over all
 * elements. It is the cross-entropy over the pair (x, 0) with the targets (z, 1 - z), which cannot overflow.
 * @param positive a weight for each class's positive labels (PyTorch's pos_weight)
 */
export function binaryCrossEntropy(
  builder: Builder,
  logits: string,
  labels: string,
  options: { readonly classes: number; readonly positive?: readonly number[] | undefined },
): string {
  const { classes, positive = Array.from({ length: classes }, () => 1) } = options;
  const pair = (value: string, factors: string): string => builder.op('Mul', [unsqueeze(builder, value, -1), factors]);
  const scores = logSoftmax(builder, pair(logits, builder.tensor(floats([2], [1, 0]))));
  const factors = floats(
    [classes, 2],
    positive.flatMap((weight) => [weight, -1]),
  );
  const targets = builder.op('Add', [pair(labels, builder.tensor(factors)), builder.tensor(floats([2], [0, 1]))]);
  return negated(builder, meanAll(builder, builder.reduceSum(builder.op('Mul', [targets, scores]), [-1], false)));
}

/** Mean squared error of two values of the same shape, over all elements. */
export function meanSquaredError(builder: Builder, value: string, target: string): string {
  return meanAll(builder, square(builder, builder.op('Sub', [value, target])));
}

/**
 * Mean squared error of hidden states float32 [batch, sequence, width] over the tokens that count.
 * @param mask [batch, sequence], of any type, 1 for a token and 0 for padding
 */
export function maskedMeanSquaredError(builder: Builder, value: string, target: string, mask: string): string {
  const squares = square(builder, builder.op('Sub', [value, target]));
  return maskedMean(builder, reduceMean(builder, squares, -1), mask);
}

export interface SoftOptions {
  /** Both sides' logits are divided by it, and the loss is multiplied by its square (Hinton et al. 2015); default 1. */
  readonly temperature?: number | undefined;
  /** Which rows count: 1 or 0, of the logits' shape without the last axis, or broadcast to it; default all. */
  readonly mask?: string | undefined;
}

/**
 * T^2 KL(teacher || student) of logits float32 [..., classes] on both sides; mean over rows (PyTorch's kl_div with
 * reduction batchmean, for two axes).
 */
export function kullbackLeibler(
  builder: Builder,
  student: string,
  teacher: string,
  { temperature = 1, mask }: SoftOptions = {},
): string {
  const target = logSoftmax(builder, warm(builder, teacher, temperature));
  const distance = builder.op('Sub', [target, logSoftmax(builder, warm(builder, student, temperature))]);
  return expected(builder, warm(builder, teacher, temperature), distance, temperature, mask);
}

/** T^2 times the cross-entropy of the student's logits under the teacher's probabilities: KL and the teacher's own entropy. */
export function softCrossEntropy(
  builder: Builder,
  student: string,
  teacher: string,
  { temperature = 1, mask }: SoftOptions = {},
): string {
  const surprise = negated(builder, logSoftmax(builder, warm(builder, student, temperature)));
  return expected(builder, warm(builder, teacher, temperature), surprise, temperature, mask);
}

/** Cosines of the rows of two values float32 [..., width]: float32 [...]. */
export function cosineSimilarity(builder: Builder, a: string, b: string): string {
  const dot = (x: string, y: string): string => builder.reduceSum(builder.op('Mul', [x, y]), [-1], false);
  const squares = builder.op('Add', [builder.op('Mul', [dot(a, a), dot(b, b)]), builder.scalar(TINY)]);
  return builder.op('Div', [dot(a, b), builder.op('Sqrt', [squares])]);
}

/** Mean of one minus the cosine of the rows of two values float32 [..., width]. */
export function cosineDistance(builder: Builder, a: string, b: string): string {
  return builder.op('Sub', [builder.scalar(1), meanAll(builder, cosineSimilarity(builder, a, b))]);
}

/**
 * Mean of values [...] over those that count.
 * @param mask 1 or 0, of any type; of the values' shape or broadcast to it
 */
export function maskedMean(builder: Builder, values: string, mask: string): string {
  const counts = builder.op('Expand', [builder.op('Cast', [mask], FLOAT), builder.op('Shape', [values])]);
  const counted = builder.op('Max', [sumAll(builder, counts), builder.scalar(TINY)]);
  return builder.op('Div', [sumAll(builder, builder.op('Mul', [values, counts])), counted]);
}

/** Sum of scalars, each times its weight. */
export function weightedSum(builder: Builder, terms: readonly (readonly [value: string, weight: number])[]): string {
  const scaled = terms.map(([value, weight]) =>
    weight === 1 ? value : builder.op('Mul', [value, builder.scalar(weight)]),
  );
  return scaled.reduce((sum, term) => builder.op('Add', [sum, term]));
}

/** T^2 times the mean over rows of `values` expected under the softmax of `logits`. */
function expected(
  builder: Builder,
  logits: string,
  values: string,
  temperature: number,
  mask: string | undefined,
): string {
  const products = builder.op('Mul', [builder.op('Softmax', [logits], { axis: -1n }), values]);
  const rows = builder.reduceSum(products, [-1], false);
  const mean = mask === undefined ? meanAll(builder, rows) : maskedMean(builder, rows, mask);
  return weightedSum(builder, [[mean, temperature ** 2]]);
}

function warm(builder: Builder, logits: string, temperature: number): string {
  return temperature === 1 ? logits : builder.op('Mul', [logits, builder.scalar(1 / temperature)]);
}

function logSoftmax(builder: Builder, logits: string): string {
  return builder.op('LogSoftmax', [logits], { axis: -1n });
}

function square(builder: Builder, value: string): string {
  return builder.op('Mul', [value, value]);
}

function negated(builder: Builder, value: string): string {
  return builder.op('Neg', [value]);
}

function sumAll(builder: Builder, value: string): string {
  return builder.op('ReduceSum', [value], { keepdims: 0n });
}

function meanAll(builder: Builder, value: string): string {
  return builder.op('ReduceMean', [value], { keepdims: 0n });
}

/** Axes of ReduceMean became an input with opset 18. */
function reduceMean(builder: Builder, value: string, axis: number): string {
  return builder.opset < 18
    ? builder.op('ReduceMean', [value], { axes: [BigInt(axis)], keepdims: 0n })
    : builder.op('ReduceMean', [value, builder.ints([axis])], { keepdims: 0n });
}

/** Axes of Unsqueeze became an input with opset 13. */
function unsqueeze(builder: Builder, value: string, axis: number): string {
  return builder.opset < 13
    ? builder.op('Unsqueeze', [value], { axes: [BigInt(axis)] })
    : builder.op('Unsqueeze', [value, builder.ints([axis])]);
}
