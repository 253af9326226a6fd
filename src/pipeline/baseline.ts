// A later model held against the one accepted last: what may be compared, what may be worse, and when the new figures are kept.
import { existsSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DataError, UsageError } from '../errors.ts';
import { hashFile } from '../onnx/hash.ts';
import type { Check, Report, Verdict } from '../report/schema.ts';
import { version } from '../version.ts';
import {
  BASELINE_SCHEMA,
  keyOf,
  readBaseline,
  writeBaseline,
  type Baseline,
  type BaselineEntry,
} from './baseline-file.ts';
import type { Figures } from './checks.ts';
import { verdictOf, type Gates } from './gates.ts';

/**
 * How much larger than the accepted model a candidate may be where no --max-size says it: an exporter's names and
 * version strings differ by less, a layer or a table that stayed float by more.
 */
export const SIZE_TOLERANCE = 0.01;

export interface BaselineOptions {
  readonly path: string;
  /** Write the figures of a model that does not fail. */
  readonly update: boolean;
}

/** What a run measures: two runs that differ in it are not compared. */
export interface BaselineRun {
  readonly task: string;
  /** The primary metric; absent for a task without labels. */
  readonly metric?: string | undefined;
  readonly data: Pick<NonNullable<Report['data']>, 'path' | 'rows' | 'total' | 'columns'>;
  readonly seed: number;
}

/** What two runs have in common when they may be compared. */
export type Measured = Pick<BaselineEntry, 'task' | 'data' | 'metric'>;

/** The baseline of one run. */
export interface BaselineGate {
  /** The figures of the model accepted last; undefined where there are none to compare with, which only an update allows. */
  readonly accepted: BaselineEntry | undefined;
  /** What the user should know: what is not compared. */
  readonly notes: readonly string[];
  /** Whether a candidate holds against the accepted model. */
  checks(candidate: Figures): Check[];
  /** Keep the figures of the one candidate where that was asked for and its verdict is not fail; gives the report's part. */
  settle(candidate: Figures, verdict: Verdict): NonNullable<Report['baseline']>;
}

/**
 * Refuse flags that cannot work together, before anything is done.
 * @throws UsageError
 */
export function checkBaselineFlags(flags: {
  readonly baseline?: string | undefined;
  readonly updateBaseline?: boolean | undefined;
  readonly data?: string | undefined;
  readonly candidates: number;
  /** false: nothing is run. */
  readonly validate?: boolean | undefined;
}): void {
  const { baseline, updateBaseline, data, candidates, validate } = flags;
  if (baseline === undefined) {
    if (updateBaseline === true) throw new UsageError('--update-baseline: expected --baseline FILE, found none');
    return;
  }
  if (data === undefined) throw new UsageError('--baseline: expected --data with rows to measure on, found none');
  if (validate === false) throw new UsageError('--baseline: expected the model to be measured, found --no-validate');
  if (updateBaseline === true && candidates !== 1)
    throw new UsageError(`--update-baseline: expected one candidate to accept, found ${candidates}`);
  if (updateBaseline !== true || existsSync(baseline)) readBaseline(baseline);
}

/**
 * Open the baseline for a run; call it before the models run, as soon as the data is read.
 * @throws UsageError where the file is missing (and no update makes it)
 * @throws DataError where it is broken, or its figures are of something else than this run measures
 */
export async function openBaseline(options: BaselineOptions, run: BaselineRun, gates: Gates): Promise<BaselineGate> {
  const { path, update } = options;
  const baseline: Baseline =
    update && !existsSync(path) ? { schema: BASELINE_SCHEMA, entries: {} } : readBaseline(path);
  const measured = await describeRun(run, path);
  const found = comparable(baseline, measured);
  if (found.difference !== undefined && !update)
    throw new DataError(
      `${path}: expected figures of what this run measures, found ${found.difference}: --update-baseline accepts new ones`,
    );
  const accepted = found.entry;
  return {
    accepted,
    notes: notesOf(path, measured, found),
    checks: (candidate) => (accepted ? holdAgainst(accepted, candidate, gates) : []),
    settle(candidate, verdict) {
      const entry = entryOf(measured, candidate, new Date());
      const updated = update && verdict !== 'fail' && updateBaseline(path, baseline, entry);
      const { metric, value, bytes } = accepted ?? entry;
      return {
        path,
        ...(metric === undefined ? {} : { metric }),
        ...(value === undefined ? {} : { value }),
        bytes,
        updated,
      };
    },
  };
}

function notesOf(path: string, measured: Measured, found: Comparison): string[] {
  if (found.difference !== undefined) return [`not compared with the baseline ${path}: ${found.difference}`];
  if (measured.metric === undefined)
    return [`the baseline ${path} holds the size only: ${measured.task} has no metric`];
  return [];
}

/** The data by its path from the baseline's folder and its bytes; the sample by its seed. */
export async function describeRun(run: BaselineRun, baselinePath: string): Promise<Measured> {
  const { task, metric, data, seed } = run;
  const path = relative(dirname(resolve(baselinePath)), resolve(data.path))
    .split(sep)
    .join('/');
  const sampled = data.total !== undefined && data.total !== data.rows;
  const sha256 = await hashFile(data.path);
  return {
    task,
    data: { path, sha256, rows: data.rows, columns: { ...data.columns }, ...(sampled ? { seed } : {}) },
    ...(metric === undefined ? {} : { metric }),
  };
}

interface Comparison {
  readonly entry?: BaselineEntry;
  /** Why nothing is compared. */
  readonly difference?: string;
}

/** The entry that this run may be held against, or what differs. */
export function comparable(baseline: Baseline, run: Measured): Comparison {
  const key = keyOf(run);
  const entry = baseline.entries[key];
  if (!entry) {
    const others = Object.keys(baseline.entries);
    return {
      difference: `no entry '${key}', ${others.length > 0 ? `only '${others.join("', '")}'` : 'nor any other'}`,
    };
  }
  const show = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['metric', entry.metric, run.metric],
    ['sha256 of the data', entry.data.sha256, run.data.sha256],
    ['columns', entry.data.columns, run.data.columns],
    ['rows', entry.data.rows, run.data.rows],
    ['seed of the sample', entry.data.seed, run.data.seed],
  ];
  const other = pairs.find(([, theirs, ours]) => !isDeepStrictEqual(theirs, ours));
  return other ? { difference: `for '${key}' other ${other[0]}: ${show(other[1])}, not ${show(other[2])}` } : { entry };
}

/**
 * Hold a candidate against the accepted model: its metric may be lower by what --max-drop allows of the accepted value
 * (nothing without it), its size by what --max-size says, else SIZE_TOLERANCE larger.
 */
export function holdAgainst(accepted: BaselineEntry, candidate: Figures, gates: Gates): Check[] {
  return [...metricCheck(accepted, candidate, gates), ...sizeCheck(accepted, candidate, gates)];
}

function metricCheck({ metric, value }: BaselineEntry, candidate: Figures, { maxDrop }: Gates): Check[] {
  if (metric === undefined || value === undefined) return [];
  const after = valueOf(metric, candidate);
  const allowed = maxDrop?.allowed(value) ?? 0;
  const rule = maxDrop ? `--max-drop ${maxDrop.text}` : 'no --max-drop';
  return [
    {
      gate: 'baseline',
      at: metric,
      expected: `at least ${percent(value - allowed)} (accepted ${percent(value)}, ${rule})`,
      found: percent(after),
      verdict: verdictOf(value - after, allowed),
    },
  ];
}

function sizeCheck({ bytes: before }: BaselineEntry, { output }: Figures, { maxSize }: Gates): Check[] {
  if (maxSize !== undefined) return [];
  const most = Math.floor(before * (1 + SIZE_TOLERANCE));
  return [
    {
      gate: 'baseline',
      at: 'size',
      expected: `at most ${most} bytes (accepted ${before}, ${100 * SIZE_TOLERANCE} % more; --max-size allows another)`,
      found: `${output.bytes} bytes`,
      verdict: output.bytes <= most ? 'pass' : 'fail',
    },
  ];
}

/** The candidate's metric. That it is not there is an error of ours: the run said that it measures it. */
function valueOf(metric: string, { accuracy }: Figures): number {
  if (accuracy?.metric !== metric)
    throw new Error(`the baseline was to be held with ${metric}, measured was ${accuracy?.metric ?? 'no metric'}`);
  return accuracy.after;
}

/** The entry that a run makes of a model. */
export function entryOf(run: Measured, candidate: Figures, now: Date): BaselineEntry {
  const { output, latency } = candidate;
  const speedup = Object.fromEntries(
    (latency ?? []).map((row) => [`${row.batch} x ${row.sequence}`, Number(row.speedup.toFixed(2))]),
  );
  return {
    ...run,
    ...(run.metric === undefined ? {} : { value: valueOf(run.metric, candidate) }),
    bytes: output.bytes,
    ...(latency?.length ? { speedup } : {}),
    model: output.sha256,
    date: now.toISOString().slice(0, 10),
    tool: version,
  };
}

/** Put an entry in its place and write the file; false, and nothing is written, where it says what stands there already. */
export function updateBaseline(path: string, baseline: Baseline, entry: BaselineEntry): boolean {
  const key = keyOf(entry);
  const old = baseline.entries[key];
  // the day, the tool's version and timings alone are no news
  if (
    old &&
    isDeepStrictEqual(
      { ...entry, date: old.date, tool: old.tool, speedup: old.speedup },
      { ...old, speedup: old.speedup },
    )
  )
    return false;
  writeBaseline(path, { ...baseline, entries: { ...baseline.entries, [key]: entry } });
  return true;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}
