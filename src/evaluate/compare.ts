// Two evaluations on the same rows against each other: the drop of the metric with its interval and significance.
import { overFolds, type FoldSpreads } from '../math/statistics-folds.ts';
import { rowsToSee, samplesNeeded } from '../math/statistics-power.ts';
import { mcnemar, pairedBootstrap, type ResampledMetric } from '../math/statistics-paired.ts';
import type { Evaluation } from './evaluate.ts';

/** The accuracy part of a report. Metrics are fractions; `drop` is before minus after, positive where it got worse. */
export interface Accuracy {
  readonly task: string;
  readonly metric: string;
  readonly samples: number;
  readonly before: number;
  readonly after: number;
  readonly drop: number;
  /** drop / before; absent where before is 0. */
  readonly relative?: number;
  /** 95 % interval of the drop (paired bootstrap). */
  readonly ci95: readonly [low: number, high: number];
  /** Rows to see the allowed drop with, where the interval is wider than it. */
  readonly samplesNeeded?: number;
  /** McNemar's exact p for classification. */
  readonly p?: number;
  /** The metric on each of several folds. */
  readonly folds?: FoldSpreads;
  readonly secondary: Readonly<Record<string, { readonly before: number; readonly after: number }>>;
}

export interface CompareOptions {
  /** Of the bootstrap and of the folds; the same seed gives the same figures. */
  readonly seed: number;
  /** Folds over which the spread is told; undefined: none. */
  readonly folds?: number | undefined;
  /** Largest drop that is allowed, from the metric before: rows that would be needed to tell are given where the interval is wider. */
  readonly allowed?: ((before: number) => number) | undefined;
}

/**
 * Compares two evaluations of the same rows; undefined for a task without labels.
 * @throws RangeError where they are not of the same rows
 */
export function compare(before: Evaluation, after: Evaluation, options: CompareOptions): Accuracy | undefined {
  if (before.samples !== after.samples || before.task !== after.task) {
    throw new RangeError(
      `compare: expected two evaluations of the same rows, found ${before.samples} of ${before.task} and ${after.samples} of ${after.task}`,
    );
  }
  if (before.value === undefined || after.value === undefined || before.metric === undefined) return undefined;
  if (before.resampled === undefined || after.resampled === undefined) return undefined;
  const drop = before.value - after.value;
  const ci95 = pairedBootstrap(before.samples, before.resampled, after.resampled, { seed: options.seed });
  const p = significance(before, after);
  const folds = foldsOf(before.samples, before.resampled, after.resampled, options);
  return {
    task: before.task,
    metric: before.metric,
    samples: before.samples,
    before: before.value,
    after: after.value,
    drop,
    ...(before.value === 0 ? {} : { relative: drop / before.value }),
    ci95,
    ...needed(before, after, ci95, options.allowed?.(before.value)),
    ...(p === undefined ? {} : { p }),
    ...(folds && { folds }),
    secondary: pairUp(before.secondary, after.secondary),
  };
}

/** Rows of which none differs say with 95 % that at most this many in so many rows do, over their number: the rule of three. */
const RULE_OF_THREE = 3;

/**
 * Rows to see the allowed drop, where these cannot tell: the interval is wider than what is allowed and has the bound in
 * it. By the power of McNemar's test where rows are right or wrong, else as many as make the interval as narrow; where no
 * row differs, as many as would show by the rule of three that no more than the allowed share does.
 */
function needed(
  { samples, correct: a }: Evaluation,
  { correct: b }: Evaluation,
  [low, high]: readonly [number, number],
  allowed: number | undefined,
): { samplesNeeded?: number } {
  if (allowed === undefined) return {};
  const discordance = a && b && a.filter((right, i) => right !== b[i]).length / samples;
  if (discordance === 0) return more(samples, allowed > 0 ? Math.ceil(RULE_OF_THREE / allowed) : undefined);
  if ((high - low) / 2 <= allowed || low > allowed || high < allowed) return {};
  return more(
    samples,
    discordance === undefined ? samplesNeeded(low, high, samples, allowed) : rowsToSee(allowed, discordance),
  );
}

function more(samples: number, rows: number | undefined): { samplesNeeded?: number } {
  return rows !== undefined && rows > samples ? { samplesNeeded: rows } : {};
}

function foldsOf(samples: number, before: ResampledMetric, after: ResampledMetric, { folds, seed }: CompareOptions) {
  if (folds === undefined) return undefined;
  return overFolds(samples, before, after, { folds, seed });
}

function significance({ correct: a }: Evaluation, { correct: b }: Evaluation): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  let onlyBefore = 0;
  let onlyAfter = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === 1 && b[i] === 0) onlyBefore++;
    if (a[i] === 0 && b[i] === 1) onlyAfter++;
  }
  return mcnemar(onlyBefore, onlyAfter);
}

function pairUp(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>) {
  const names = Object.keys(before).filter((name) => name in after);
  return Object.fromEntries(names.map((name) => [name, { before: before[name]!, after: after[name]! }]));
}
