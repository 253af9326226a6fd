// The spread of a metric over folds: a random partition of the rows, each part a resample of its own.
import { createRandom } from './random.ts';
import { definedOr0, type ResampledMetric } from './statistics-paired.ts';
import { mean, type Numbers } from './statistics.ts';

/** Mean and sample standard deviation (divisor n - 1). */
export interface Spread {
  readonly mean: number;
  readonly sd: number;
}

/** A metric of two models over the same folds. */
export interface FoldSpreads {
  /** Folds in which the metric is defined for both models. */
  readonly count: number;
  readonly before: Spread;
  readonly after: Spread;
  /** Of before - after, fold by fold. */
  readonly drop: Spread;
}

/**
 * A random partition of the rows into K folds whose sizes differ by at most one, as counts for a ResampledMetric: 1 for
 * a row in the fold, 0 for another. One array at a time, 4 bytes a row. The same seed gives the same folds.
 * @throws RangeError unless 2 <= K <= samples
 */
export function* foldsOf(samples: number, K: number, seed: number): Generator<Int32Array> {
  if (!Number.isInteger(K) || K < 2 || K > samples) {
    throw new RangeError(`folds: expected an integer from 2 to the ${samples} samples, found ${K}`);
  }
  const random = createRandom(seed);
  const order = Uint32Array.from({ length: samples }, (_, i) => i);
  for (let i = samples - 1; i > 0; i--) {
    const j = random.below(i + 1); // Fisher and Yates
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  for (let fold = 0; fold < K; fold++) {
    const counts = new Int32Array(samples);
    for (let at = fold; at < samples; at += K) counts[order[at]!] = 1;
    yield counts;
  }
}

/**
 * The metric of two models on each of K folds. A fold in which it is undefined (NaN) for one of them is left out;
 * undefined where fewer than two are left. A metric that is undefined on all the rows counts as 0.
 * @throws RangeError unless 2 <= K <= samples
 */
export function overFolds(
  samples: number,
  before: ResampledMetric,
  after: ResampledMetric,
  { folds, seed }: { readonly folds: number; readonly seed: number },
): FoldSpreads | undefined {
  const [a, b] = [definedOr0(before, samples), definedOr0(after, samples)];
  const values: { before: number; after: number }[] = [];
  for (const counts of foldsOf(samples, folds, seed)) {
    const pair = { before: a(counts), after: b(counts) };
    if (!Number.isNaN(pair.before - pair.after)) values.push(pair);
  }
  if (values.length < 2) return undefined;
  return {
    count: values.length,
    before: spreadOf(values.map((value) => value.before)),
    after: spreadOf(values.map((value) => value.after)),
    drop: spreadOf(values.map((value) => value.before - value.after)),
  };
}

/** Mean and sample standard deviation; the deviation of fewer than two values is 0. */
export function spreadOf(values: Numbers): Spread {
  const center = mean(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - center) ** 2;
  return { mean: center, sd: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}
