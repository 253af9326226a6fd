// Gates: what the user allows a compressed model to cost, and whether it holds.
import { UsageError } from '../errors.ts';
import type { Verdict } from '../report/schema.ts';

/** A drop of the metric: absolute (fraction of the metric) or relative to the value before. */
export interface DropGate {
  readonly text: string;
  allowed(before: number): number;
}

export interface Gates {
  readonly maxDrop?: DropGate;
  /** Least speedup, at every measured shape. */
  readonly minSpeedup?: number;
  /** Most bytes, model and external data. */
  readonly maxSize?: number;
  /** Least metric, a fraction. */
  readonly minMetric?: number;
}

/** `1%` is relative to the metric before, `0.5pt` are points of it (0.005). Throws UsageError. */
export function parseDrop(text: string): DropGate {
  const match = /^(\d+(?:\.\d+)?)\s*(%|pt)$/.exec(text.trim());
  if (!match)
    throw new UsageError(`--max-drop: expected a percentage such as 1% or points such as 0.5pt, found '${text}'`);
  const value = Number(match[1]) / 100;
  return { text, allowed: (before) => (match[2] === '%' ? value * Math.abs(before) : value) };
}

/** `1.2x` or `1.2`. Throws UsageError. */
export function parseFactor(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)x?$/.exec(text.trim());
  if (!match) throw new UsageError(`${flag}: expected a factor such as 1.2x, found '${text}'`);
  return Number(match[1]);
}

/** `88%` or `0.88` of the metric. Throws UsageError. */
export function parseMetric(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  const value = match ? Number(match[1]) / (match[2] ? 100 : 1) : Number.NaN;
  if (!(value <= 1)) throw new UsageError(`--min-metric: expected a value such as 0.88 or 88%, found '${text}'`);
  return value;
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** `30MB` (10^6 bytes), `28.6MiB` (2^20) or bytes. Throws UsageError. */
export function parseSize(text: string, flag = '--max-size'): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]i?b|b|)$/i.exec(text.trim());
  const unit = units[match?.[2]?.toLowerCase() ?? '?'];
  if (!match || unit === undefined) throw new UsageError(`${flag}: expected a size such as 30MB, found '${text}'`);
  return Math.floor(Number(match[1]) * unit);
}

/** Gates as the user writes them. Throws UsageError. */
export function gatesOf(texts: {
  readonly maxDrop?: string | undefined;
  readonly minSpeedup?: string | undefined;
  readonly maxSize?: string | undefined;
  readonly minMetric?: string | undefined;
}): Gates {
  const { maxDrop, minSpeedup, maxSize, minMetric } = texts;
  return {
    ...(maxDrop === undefined ? {} : { maxDrop: parseDrop(maxDrop) }),
    ...(minSpeedup === undefined ? {} : { minSpeedup: parseFactor(minSpeedup, '--min-speedup') }),
    ...(maxSize === undefined ? {} : { maxSize: parseSize(maxSize) }),
    ...(minMetric === undefined ? {} : { minMetric: parseMetric(minMetric) }),
  };
}

/** A gate whose figure will not be measured is refused before anything is done. Throws UsageError. */
export function refuseUncheckable(
  gates: Gates,
  measured: { readonly data: boolean; readonly latency: boolean; readonly validate?: boolean },
): void {
  const runs = measured.validate !== false;
  if (gates.maxDrop && !measured.data)
    throw new UsageError('--max-drop: expected --data with labelled rows to measure it on, found none');
  if (gates.maxDrop && !runs) throw new UsageError('--max-drop: expected accuracy to be measured, found --no-validate');
  if (gates.minMetric !== undefined && !measured.data)
    throw new UsageError('--min-metric: expected rows to judge by (--dev, --split), found none');
  if (gates.minSpeedup !== undefined && !(measured.latency && runs))
    throw new UsageError('--min-speedup: expected latency to be measured, found --no-bench or --no-validate');
}

/** Rounding of the difference of two fractions: 0.80 - 0.79 is a drop of 0.01. */
export const ROUNDING = 1e-9;

/** Whether a drop is within what is allowed; NaN is not. */
export function verdictOf(drop: number, allowed: number): 'pass' | 'fail' {
  return drop <= allowed + ROUNDING ? 'pass' : 'fail';
}

/** Of several models: one that failed fails all; one that was not checked leaves all unchecked. */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.includes('not-checked') ? 'not-checked' : 'pass';
}
