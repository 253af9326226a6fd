// Every gate that was asked for, one line for each figure it was held against, for reports that list them.
import type { Candidate, Check } from '../report/schema.ts';
import { verdictOf, type Gates } from './gates.ts';

/** The checks behind a judgement: `judge` says which failed, these say also what held. */
export function checksOf(
  { accuracy, latency = [], output }: Pick<Candidate, 'accuracy' | 'latency' | 'output'>,
  { maxDrop, minSpeedup, maxSize }: Gates,
): Check[] {
  const checks: Check[] = [];
  if (maxDrop && accuracy) {
    const allowed = maxDrop.allowed(accuracy.before);
    checks.push({
      gate: 'max-drop',
      at: accuracy.metric,
      expected: `a drop of at most ${(100 * allowed).toFixed(2)} points`,
      found: `${(100 * accuracy.drop).toFixed(2)} points`,
      verdict: verdictOf(accuracy.drop, allowed),
    });
  }
  if (minSpeedup !== undefined)
    for (const { batch, sequence, speedup } of latency)
      checks.push({
        gate: 'min-speedup',
        at: `${batch} x ${sequence}`,
        expected: `at least ${minSpeedup}x`,
        found: `${speedup.toFixed(2)}x`,
        verdict: speedup < minSpeedup ? 'fail' : 'pass',
      });
  if (maxSize !== undefined)
    checks.push({
      gate: 'max-size',
      expected: `at most ${maxSize} bytes`,
      found: `${output.bytes} bytes`,
      verdict: output.bytes > maxSize ? 'fail' : 'pass',
    });
  return checks;
}
