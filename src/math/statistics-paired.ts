// Statistics of two models on the same rows: paired bootstrap interval, McNemar's test, correlations under resampling.
import { ascending, endOfTie, type Numbers } from './statistics.ts';
import { createRandom } from './random.ts';

/**
 * A metric of a resample: `counts[i]` says how often row i was drawn. Their sum is the number of rows drawn, which in a
 * bootstrap is that of all rows and in a fold fewer: what is a mean is divided by that sum. NaN where it is undefined.
 */
export type ResampledMetric = (counts: Int32Array) => number;

export interface BootstrapOptions {
  readonly seed: number;
  /** Resamples; default 2,000, fewer (at least 200) where rows x resamples would pass 40 million draws. */
  readonly resamples?: number;
}

/**
 * 95 % percentile interval of metric(before) - metric(after) by the paired bootstrap (Efron and Tibshirani 1993,
 * chapter 13): rows are drawn with replacement, the same rows for both. A resample in which a metric is
 * undefined (NaN) is left out; a metric that is undefined on all the rows counts as 0, as `definedOr0` says.
 */
export function pairedBootstrap(
  rows: number,
  before: ResampledMetric,
  after: ResampledMetric,
  options: BootstrapOptions,
): [low: number, high: number] {
  const resamples = options.resamples ?? Math.max(200, Math.min(2000, Math.floor(4e7 / rows)));
  const [a, b] = [definedOr0(before, rows), definedOr0(after, rows)];
  const random = createRandom(options.seed);
  const counts = new Int32Array(rows);
  // 32 random bits scaled to [0, rows): rows differ in chance by at most rows / 2^32, and a draw costs less than half of an exact one
  const scale = rows / 2 ** 32;
  const differences: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    counts.fill(0);
    for (let i = 0; i < rows; i++) counts[Math.floor(random.bits() * scale)]!++;
    const difference = a(counts) - b(counts);
    if (!Number.isNaN(difference)) differences.push(difference);
  }
  if (differences.length === 0) differences.push(a(counts.fill(1)) - b(counts));
  const sorted = Float64Array.from(differences).sort();
  return [sortedQuantile(sorted, 0.025), sortedQuantile(sorted, 0.975)];
}

/**
 * The metric itself, or 0 throughout where it is undefined on all the rows: a model whose similarities are all equal
 * has no correlation, which is taken as 0, and its drop needs an interval nevertheless.
 */
export function definedOr0(metric: ResampledMetric, rows: number): ResampledMetric {
  return Number.isNaN(metric(new Int32Array(rows).fill(1))) ? () => 0 : metric;
}

/**
 * Two-sided exact McNemar test (binomial with one half on the discordant rows; McNemar 1947).
 * @param onlyBefore rows that only the first model has right
 * @param onlyAfter rows that only the second model has right
 * @returns p in (0, 1]
 */
export function mcnemar(onlyBefore: number, onlyAfter: number): number {
  const n = onlyBefore + onlyAfter;
  let logChoose = 0; // ln of n over k
  let tail = 0;
  for (let k = 0; k <= Math.min(onlyBefore, onlyAfter); k++) {
    if (k > 0) logChoose += Math.log((n - k + 1) / k);
    tail += Math.exp(logChoose - n * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

/** Mean of a value of each row as a function of how often each counts: accuracy, where the value is 1 for a right row and 0 for a wrong one. */
export function meanOf(values: Numbers): ResampledMetric {
  return (counts) => {
    let sum = 0;
    let drawn = 0;
    for (let i = 0; i < counts.length; i++) {
      sum += counts[i]! * values[i]!;
      drawn += counts[i]!;
    }
    return sum / drawn;
  };
}

/** Sum of `parts` by sum of `wholes` as a function of how often each row counts: accuracy over tokens, where a row has several. */
export function ratioOf(parts: Numbers, wholes: Numbers): ResampledMetric {
  return (counts) => {
    let part = 0;
    let whole = 0;
    for (let i = 0; i < counts.length; i++) {
      part += counts[i]! * parts[i]!;
      whole += counts[i]! * wholes[i]!;
    }
    return part / whole;
  };
}

/** Pearson's correlation of x and y as a function of how often each row counts. */
export function pearsonOf(x: Numbers, y: Numbers): ResampledMetric {
  return (counts) => weightedPearson(x, y, counts);
}

/**
 * Spearman's correlation of x and y as a function of how often each row counts. The order of the rows is found
 * once; the ranks of a resample then follow in linear time, a row drawn k times being a tie of k.
 */
export function spearmanOf(x: Numbers, y: Numbers): ResampledMetric {
  const ranksX = resampledRanks(x);
  const ranksY = resampledRanks(y);
  return (counts) => weightedPearson(ranksX(counts), ranksY(counts), counts);
}

function resampledRanks(values: Numbers): (counts: Int32Array) => Float64Array {
  const order = ascending(values);
  const ends: number[] = [];
  for (let from = 0; from < order.length; from = ends.at(-1)!) ends.push(endOfTie(values, order, from));
  const ranks = new Float64Array(values.length);
  return (counts) => {
    let below = 0;
    let from = 0;
    for (const to of ends) {
      let tied = 0;
      for (let i = from; i < to; i++) tied += counts[order[i]!]!;
      for (let i = from; i < to; i++) ranks[order[i]!] = below + (tied + 1) / 2;
      below += tied;
      from = to;
    }
    return ranks;
  };
}

function weightedPearson(x: Numbers, y: Numbers, weights: Int32Array): number {
  let n = 0;
  let sumX = 0;
  let sumY = 0;
  for (let i = 0; i < weights.length; i++) {
    n += weights[i]!;
    sumX += weights[i]! * x[i]!;
    sumY += weights[i]! * y[i]!;
  }
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < weights.length; i++) {
    const dx = x[i]! - sumX / n;
    const dy = y[i]! - sumY / n;
    xx += weights[i]! * dx * dx;
    yy += weights[i]! * dy * dy;
    xy += weights[i]! * dx * dy;
  }
  return xx === 0 || yy === 0 ? Number.NaN : xy / (Math.sqrt(xx) * Math.sqrt(yy));
}

function sortedQuantile(sorted: Float64Array, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - low);
}
