// How sure a median of few, noisy, skewed times is.
import { createRandom } from './random.ts';
import { quantile, type Numbers } from './statistics.ts';

export interface IntervalOptions {
  readonly seed: number;
  /** Default 2,000. */
  readonly resamples?: number;
}

/**
 * 95 % percentile interval of the median by the bootstrap (Efron and Tibshirani 1993, chapter 13), in the unit of the
 * values. [NaN, NaN] of nothing; below about ten values it is a little narrow, as any bootstrap of so few is.
 */
export function medianInterval(values: Numbers, options: IntervalOptions): [low: number, high: number] {
  if (values.length === 0) return [Number.NaN, Number.NaN];
  const random = createRandom(options.seed);
  const sorted = Float64Array.from(values).sort();
  const counts = new Int32Array(sorted.length);
  const medians = new Float64Array(options.resamples ?? 2000);
  for (let resample = 0; resample < medians.length; resample++) {
    counts.fill(0);
    for (let i = 0; i < sorted.length; i++) counts[random.below(sorted.length)]!++;
    medians[resample] = medianOf(sorted, counts);
  }
  return [quantile(medians, 0.025), quantile(medians, 0.975)];
}

/** Median of a resample in which `sorted[i]` was drawn `counts[i]` times: nothing is sorted again. */
function medianOf(sorted: Float64Array, counts: Int32Array): number {
  const n = sorted.length;
  const [low, high] = [(n - 1) >> 1, n >> 1]; // ranks of the two middle values, the same one where n is odd
  let seen = 0;
  let first = Number.NaN;
  for (let i = 0; i < n; i++) {
    if (counts[i] === 0) continue;
    if (seen <= low && low < seen + counts[i]!) first = sorted[i]!;
    seen += counts[i]!;
    if (high < seen) return (first + sorted[i]!) / 2;
  }
  return first;
}

/** Geometric mean of positive numbers: the mean of factors. NaN of nothing. */
export function geometricMean(values: Numbers): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.log(values[i]!);
  return Math.exp(sum / values.length);
}
