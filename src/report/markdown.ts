// A Report as markdown, for a pull request or a step summary: all text of the user is data, never markup.
import { otherFailures } from './checks.ts';
import { overview } from './overview.ts';
import {
  candidateRemarks,
  baselineRemarks,
  dataRemarks,
  leftOut,
  machineRemark,
  stepRemarks,
  trainingRemarks,
} from './remarks.ts';
import type { Report } from './schema.ts';
import { sharingTable } from './layers-picture.ts';
import { oneLine } from './strings.ts';
import {
  beforeAfter,
  changedTable,
  namedCandidates,
  partsTable,
  profileTable,
  type Named,
  type Table,
} from './tables.ts';

/** Characters of a cell or a line; GitHub takes 1 MiB for a whole step summary. */
const LONGEST = 200;

/** The verdict, a table, what failed and why; the rest folded away. */
export function renderMarkdown(report: Report): string {
  const candidates = namedCandidates(report);
  const [only] = candidates;
  const single = candidates.length === 1;
  return [
    `### bert-compress ${escapeMarkdown(report.command)}: ${report.verdict}`,
    '',
    ...bullets([...candidates.flatMap((one) => failureLines(one, !single)), ...otherFailures(report).map(bold)]),
    ...table(single ? beforeAfter(report, only!) : overview(report, candidates)),
    '',
    ...candidates.flatMap((one) => more(one, !single)),
    ...about(report, candidates),
  ].join('\n');
}

function failureLines(one: Named, named: boolean): string[] {
  const of = named ? `${escapeMarkdown(one.name)}: ` : '';
  return [
    ...one.failures.map((line) => of + bold(line)),
    ...(one.diagnosis ?? []).map((line) => `${of}diagnosis: ${escapeMarkdown(line)}`),
  ];
}

/** What is to be said of one model, its long tables folded. */
function more(one: Named, named: boolean): string[] {
  const of = named ? `${one.name}: ` : '';
  return [
    ...bullets(candidateRemarks(one).map((line) => escapeMarkdown(of + line))),
    ...[changedTable(one), sharingTable(one), profileTable(one), partsTable(one)].flatMap((rows) =>
      rows ? details(of + rows.caption, table(rows)) : [],
    ),
  ];
}

function about(report: Report, candidates: readonly Named[]): string[] {
  const lines = [
    `original: ${report.input.path}`,
    ...candidates.map(({ name, output }) =>
      candidates.length > 1 ? `${name}: ${output.path}` : `output: ${output.path}`,
    ),
    ...stepRemarks(report),
    ...trainingRemarks(report),
    ...leftOut(report).map(({ count, ops, reason }) => `left: ${count} x ${ops}: ${reason}`),
    ...dataRemarks(report),
    ...baselineRemarks(report),
    machineRemark(report),
  ];
  return [
    ...details('Files, data and machine', bullets(lines.map((line) => escapeMarkdown(line)))),
    ...(report.notes.length > 0
      ? details('Notes', bullets(report.notes.map((line) => escapeMarkdown(line, 2 * LONGEST))))
      : []),
  ];
}

function table({ columns, rows }: Table): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => escapeMarkdown(cell)).join(' | ')} |`;
  return [
    line(columns.map(({ title }) => title)),
    `|${columns.map(({ kind }) => (kind === 'number' ? '---:' : '---')).join('|')}|`,
    ...rows.map(line),
  ];
}

/** Blank lines around the content, or it is taken for HTML. */
function details(summary: string, lines: readonly string[]): string[] {
  return [
    '<details>',
    `<summary>${escapeMarkdown(summary)}</summary>`,
    '',
    ...lines.filter(Boolean),
    '',
    '</details>',
    '',
  ];
}

function bullets(lines: readonly string[]): string[] {
  return lines.length > 0 ? [...lines.map((line) => `- ${line}`), ''] : [];
}

function bold(text: string): string {
  return `**${escapeMarkdown(text)}**`;
}

/**
 * Text that GitHub shows as it is. Signs of markdown and HTML become character references, which work in markdown and in
 * HTML blocks (where a backslash would be seen) and cannot be structure (CommonMark 2.5); addresses do not become links;
 * @mentions and #references, which are looked for after rendering, get a word joiner; `$` stands in a span, as GitHub's
 * page on mathematics says.
 */
export function escapeMarkdown(text: string, longest = LONGEST): string {
  const line = oneLine(text);
  const points = [...line];
  const reference = (signs: string): string => signs.replace(/./g, (sign) => `&#${sign.charCodeAt(0)};`);
  const pattern = /[&<>|\\`*_[\]~]|(?<=^\d*)[-+=.)]+(?=\s|$)|#(?!\w)|:\/\/|(?<=\bwww)\./gi;
  return (points.length > longest ? `${points.slice(0, longest - 1).join('')}…` : line)
    .replace(pattern, reference)
    .replace(/(?<!&)[#@](?=\w)/g, '$&\u2060')
    .replaceAll('$', '<span>$</span>');
}
