// The gates of a report: which were asked for, and what does not hold.
import { signedPoints } from './figures.ts';
import { candidatesOf, type Candidate, type Check, type Report } from './schema.ts';

/** Every gate that was asked for. A report that lists none has them from its figures: a drop that was allowed, and what failed. */
export function checksOf(one: Candidate): readonly Check[] {
  if (one.checks) return one.checks;
  const checks: Check[] = [];
  const { accuracy } = one;
  if (accuracy?.allowed !== undefined)
    checks.push({
      gate: 'max-drop',
      at: accuracy.metric,
      expected: `a drop of at most ${signedPoints(accuracy.allowed).replace('+', '')} points`,
      found: `${signedPoints(accuracy.drop)} points`,
      verdict: accuracy.verdict,
    });
  for (const line of one.failures.slice(checks.some(({ verdict }) => verdict === 'fail') ? 1 : 0)) {
    const [, gate, expected, found] = /^(.*?): expected (.*), found (.*)$/s.exec(line) ?? [];
    checks.push({ gate: gate ?? 'gate', expected: expected ?? 'to hold', found: found ?? line, verdict: 'fail' });
  }
  return checks;
}

/** Failures of the run that no candidate names. */
export function otherFailures(report: Report): string[] {
  const own = candidatesOf(report).flatMap(({ failures }) => failures);
  return report.failures.filter((line) => !own.some((failure) => line.includes(failure)));
}

/** A verdict in words. */
export function verdictWord(verdict: Report['verdict']): string {
  return verdict === 'not-checked' ? 'not checked' : verdict;
}
