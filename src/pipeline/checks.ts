// Holding figures against the gates: one check for each figure that a gate was asked for, and the verdict that follows.
import { accuraciesOf, type Accuracy, type Candidate, type Check, type Verdict } from '../report/schema.ts';
import { verdictOf, type Gates } from './gates.ts';

/** What a report says about the gates. */
export interface Judgement {
  readonly verdict: Verdict;
  /** One line for each check that failed. */
  readonly failures: string[];
}

/** The figures that gates are held against. */
export type Figures = Pick<Candidate, 'accuracy' | 'tasks' | 'latency' | 'output'>;

/** All checks that the gates ask for. That a figure is absent is an error of ours: the gate must have been refused before. */
export function checksOf(figures: Figures, gates: Gates): Check[] {
  return [
    ...dropChecks(figures, gates),
    ...speedupChecks(figures, gates),
    ...sizeCheck(figures, gates),
    ...metricChecks(figures, gates),
  ];
}

/** Without a check nothing was checked, which is no pass. */
export function judge(checks: readonly Check[]): Judgement {
  const failures = checks.filter((check) => check.verdict === 'fail').map(lineOf);
  return { verdict: failures.length > 0 ? 'fail' : checks.length > 0 ? 'pass' : 'not-checked', failures };
}

function lineOf({ gate, at, expected, found }: Check): string {
  const what: Readonly<Record<string, string>> = {
    'max-size': 'size',
    'min-speedup': `latency at ${at}`,
    baseline: `${at} against the baseline`,
  };
  return `${what[gate] ?? at ?? gate}: expected ${expected}, found ${found}`;
}

/** What a gate guards: the only metric, or that of each task with its name. */
function guarded(figures: Figures, gate: string): { at: string; accuracy: Accuracy }[] {
  const found = accuraciesOf(figures);
  if (found.length === 0) throw new Error(`--${gate} was asked for and no accuracy was measured`);
  return found.map(({ task, accuracy }) => ({
    at: task === undefined ? accuracy.metric : `${task} ${accuracy.metric}`,
    accuracy,
  }));
}

function dropChecks(figures: Figures, { maxDrop }: Gates): Check[] {
  if (!maxDrop) return [];
  return guarded(figures, 'max-drop').map(({ at, accuracy: { before, drop } }) => {
    const allowed = maxDrop.allowed(before);
    return {
      gate: 'max-drop',
      at,
      expected: `a drop of at most ${points(allowed)} (--max-drop ${maxDrop.text})`,
      found: points(drop),
      verdict: verdictOf(drop, allowed),
    };
  });
}

function speedupChecks({ latency = [] }: Figures, { minSpeedup }: Gates): Check[] {
  if (minSpeedup === undefined) return [];
  if (latency.length === 0) throw new Error('--min-speedup was asked for and no latency was measured');
  return latency.map(({ batch, sequence, speedup }) => ({
    gate: 'min-speedup',
    at: `${batch} x ${sequence}`,
    expected: `at least ${minSpeedup}x`,
    found: `${speedup.toFixed(2)}x`,
    verdict: speedup >= minSpeedup ? 'pass' : 'fail',
  }));
}

function sizeCheck({ output }: Figures, { maxSize }: Gates): Check[] {
  if (maxSize === undefined) return [];
  const verdict = output.bytes <= maxSize ? 'pass' : 'fail';
  return [{ gate: 'max-size', expected: `at most ${maxSize} bytes`, found: `${output.bytes} bytes`, verdict }];
}

function metricChecks(figures: Figures, { minMetric }: Gates): Check[] {
  if (minMetric === undefined) return [];
  return guarded(figures, 'min-metric').map(({ at, accuracy: { after } }) => ({
    gate: 'min-metric',
    at,
    expected: `at least ${(100 * minMetric).toFixed(2)} %`,
    found: `${(100 * after).toFixed(2)} %`,
    verdict: verdictOf(minMetric - after, 0),
  }));
}

function points(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} points`;
}
