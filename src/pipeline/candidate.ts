// One model beside the original as the report says it: its file, what was measured, and whether the gates hold.
import type { Dataset } from '../data/dataset.ts';
import { REPORT_SCHEMA, type Accuracy, type Candidate, type Report } from '../report/schema.ts';
import { readMachine } from '../runtime/machine.ts';
import { version } from '../version.ts';
import type { BaselineGate } from './baseline.ts';
import { checksOf, judge } from './checks.ts';
import { verdictOf, worstVerdict, type Gates } from './gates.ts';
import type { Found } from './measure.ts';

/** Put together and judged. */
export function candidateOf(
  original: Pick<Candidate['output'], 'bytes'>,
  output: Candidate['output'],
  found: Found,
  gates: Gates,
  baseline?: BaselineGate,
): Candidate {
  const { evaluation: _evaluation, accuracy, tasks, ...figures } = found;
  const candidate = {
    output,
    ratio: output.bytes / original.bytes,
    ...(accuracy && { accuracy: judged(accuracy, gates) }),
    ...(tasks && { tasks: tasks.map((one) => ({ ...one, accuracy: judged(one.accuracy, gates) })) }),
    ...figures,
  };
  const checks = [...checksOf(candidate, gates), ...(baseline?.checks(candidate) ?? [])];
  return { ...candidate, ...(checks.length > 0 && { checks }), ...judge(checks) };
}

function judged(accuracy: Accuracy, { maxDrop }: Gates): Accuracy {
  const allowed = maxDrop?.allowed(accuracy.before);
  return allowed === undefined ? accuracy : { ...accuracy, allowed, verdict: verdictOf(accuracy.drop, allowed) };
}

/** The parts of a candidate stand at the top of the report as well where it is the only one. */
function alone(candidates: readonly Candidate[]): Partial<Candidate> {
  return candidates.length === 1 ? candidates[0]! : {};
}

/** One line for each gate that does not hold, with the model's name where there are several. */
function failuresOf(candidates: readonly Candidate[]): string[] {
  return candidates.flatMap(({ output, failures }) =>
    failures.map((line) => (candidates.length === 1 ? line : `${output.path}: ${line}`)),
  );
}

/** What every report of this tool says of the run itself. @param started of `performance.now()` */
export function runFacts(
  {
    command,
    seed,
    threads,
  }: { readonly command: string; readonly seed: number; readonly threads?: number | undefined },
  started: number,
): Pick<Report, 'schema' | 'tool' | 'command' | 'seed' | 'machine' | 'seconds' | 'peakRssBytes'> {
  return {
    schema: REPORT_SCHEMA,
    tool: { name: 'bert-compress', version },
    command,
    seed,
    machine: machineFacts(threads),
    seconds: (performance.now() - started) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** What a report that holds models against the original says of all of them. */
export function comparison(
  candidates: readonly Candidate[],
): Partial<Candidate> & Pick<Report, 'steps' | 'candidates' | 'verdict' | 'failures'> {
  return {
    steps: [],
    ...alone(candidates),
    candidates: [...candidates],
    verdict: worstVerdict(candidates.map((candidate) => candidate.verdict)),
    failures: failuresOf(candidates),
  };
}

/** The report's facts about the rows that were measured. */
export function dataOf(dataset: Dataset): NonNullable<Report['data']> {
  const { path, format, columns, size, total, bad, badRows } = dataset;
  return {
    path,
    format,
    columns: { ...columns },
    rows: size,
    ...(total > size ? { total } : {}),
    ...(badRows > bad.length ? { badRows } : {}),
    bad: bad.map((row) => ({ ...row })),
  };
}

/** The report's facts about this machine. @param threads that were asked for; default all cores, as a session takes them */
function machineFacts(threads: number | undefined): Report['machine'] {
  const machine = readMachine();
  return { ...machine, isa: [...machine.isa], threads: threads ?? machine.cores };
}
