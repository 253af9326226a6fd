// What a CI system shows of a run: GitHub's step summary and annotations.
import { appendFileSync, existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { renderMarkdown } from './markdown.ts';
import { accuraciesOf, candidatesOf, type Candidate, type Report } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The runner uploads nothing of a step's summary that is larger; bytes. */
const SUMMARY_LIMIT = 1024 * 1024;

/** GitHub shows the first ten annotations of a kind and step, and drops the rest without a word. */
const ANNOTATION_LIMIT = 10;

/** Append the report as markdown to $GITHUB_STEP_SUMMARY; false where the environment asks for none. */
export function writeStepSummary(report: Parameters<typeof renderMarkdown>[0], env: Environment): boolean {
  const path = env.GITHUB_STEP_SUMMARY;
  if (!path) return false;
  const taken = existsSync(path) ? statSync(path).size : 0;
  appendFileSync(path, fitted(`${renderMarkdown(report)}\n`, SUMMARY_LIMIT - taken));
  return true;
}

/** The text as far as whole lines of it fit into `limit` bytes, and before it a line that says that the rest was cut off. */
function fitted(text: string, limit: number): string {
  const whole = Buffer.from(text);
  if (whole.length <= limit) return text;
  const notice = '> Cut off below: a step summary holds 1 MiB. The whole is in the files of --report.\n\n';
  const room = limit - Buffer.byteLength(notice);
  const end = room > 0 ? whole.lastIndexOf('\n', room - 1) : -1;
  return end >= 0 ? notice + whole.toString('utf8', 0, end + 1) : '';
}

/**
 * Workflow commands, one a line, for stderr: the runner reads them from both streams, and stdout stays the report's.
 * None outside GitHub Actions. Errors are gates that do not hold; warnings are what was not measured and what makes a
 * figure doubtful.
 */
export function annotations(report: Report, env: Environment): string[] {
  if (env.GITHUB_ACTIONS !== 'true') return [];
  const title = `bert-compress ${report.command}`;
  return [
    ...commands('error', title, [...new Set(failuresOf(report))]),
    ...commands('warning', title, [...new Set(warningsOf(report))]),
  ];
}

/** The annotation of an error that left no report (exit codes 2 and 70); none outside GitHub Actions. */
export function errorAnnotation(message: string, env: Environment): string[] {
  return env.GITHUB_ACTIONS === 'true' ? commands('error', 'bert-compress', [message]) : [];
}

function failuresOf(report: Report): string[] {
  const candidates = candidatesOf(report);
  const named = candidates.flatMap((candidate) =>
    [...candidate.failures, ...(candidate.verdict === 'fail' ? (candidate.diagnosis ?? []) : [])].map((line) =>
      labelled(candidate, line, candidates.length),
    ),
  );
  return named.length > 0 ? named : report.failures;
}

function warningsOf(report: Report): string[] {
  const candidates = candidatesOf(report);
  const { badRows, bad = [] } = report.data ?? {};
  const unusable = badRows ?? bad.length;
  return [
    ...(report.verdict === 'not-checked' ? ['no gate was asked for: nothing was checked, which is no pass'] : []),
    ...(unusable > 0
      ? [
          `${unusable} rows of ${report.data?.path} could not be used, the first in line ${bad[0]?.line}: ${bad[0]?.reason}`,
        ]
      : []),
    ...candidates.flatMap((candidate) =>
      doubtsOf(candidate).map((line) => labelled(candidate, line, candidates.length)),
    ),
    ...report.notes.filter((note) => /\bnot (measured|compared|checked)\b|\bneither\b.*\bmeasured\b/.test(note)),
  ];
}

/** What makes the figures of a candidate doubtful, or is worse without a gate on it. */
function doubtsOf(candidate: Candidate): string[] {
  const { parity, latency } = candidate;
  const slower = (latency ?? []).filter((row) => row.speedup < 1).map((row) => `${row.batch} x ${row.sequence}`);
  return [
    ...accuraciesOf(candidate).flatMap(({ task, accuracy: { samples, samplesNeeded } }) =>
      samplesNeeded === undefined
        ? []
        : [
            `${task === undefined ? '' : `${task}: `}the interval of the drop is wider than --max-drop on ${samples} rows: ${samplesNeeded} would be needed`,
          ],
    ),
    ...(parity?.nonFinite ? [`NaN or infinity in the outputs of ${parity.nonFinite} rows`] : []),
    ...(slower.length > 0 ? [`slower than the original at ${slower.join(', ')}`] : []),
  ];
}

function labelled({ output }: Candidate, line: string, candidates: number): string {
  return candidates > 1 ? `${basename(output.path)}: ${line}` : line;
}

/** At most as many as are shown; the last one says how many are not. */
function commands(kind: 'error' | 'warning', title: string, messages: readonly string[]): string[] {
  const shown = messages.length > ANNOTATION_LIMIT ? messages.slice(0, ANNOTATION_LIMIT - 1) : messages;
  const more = messages.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more: see the report`] : [])].map(
    (message) => `::${kind} title=${escapeProperty(title)}::${escapeData(message)}`,
  );
}

/** As actions/toolkit does: a message ends at a line break, % begins an escape. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** A property ends at , and :: as well. */
function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
