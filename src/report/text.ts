// A Report as people read it in a terminal: the figures, the verdict, what was left and what to know.
import { otherFailures, verdictWord } from './checks.ts';
import { overview } from './overview.ts';
import chalk from 'chalk';
import { bytes } from './figures.ts';
import { baselineRemarks, candidateRemarks, dataRemarks, leftOut, stepRemarks, trainingRemarks } from './remarks.ts';
import type { Report } from './schema.ts';
import { sharingTable, structureBars } from './layers-picture.ts';
import { cutMiddle, oneLine, wrap } from './strings.ts';
import { beforeAfter, changedTable, namedCandidates, profileTable, type Named, type Table } from './tables.ts';
import { latencyBars } from './text-bars.ts';
import { textTable } from './text-table.ts';

/** Columns where the output is no terminal. */
const PIPED = 120;
/** Examples shown; the other formats show all that the report has. */
const EXAMPLES = 20;

/** Lines of text, coloured where chalk finds a terminal, at most `columns` wide (80 at least). */
export function renderText(report: Report, columns: number = process.stdout.columns ?? PIPED): string {
  const wide = Math.max(80, columns);
  const candidates = namedCandidates(report);
  const single = candidates.length === 1 ? candidates[0] : undefined;
  const table = single ? beforeAfter(report, single) : overview(report, candidates);
  return [
    ...heading(report, candidates, wide),
    '',
    ...textTable(table, wide),
    ...(report.command === 'bench' ? block(latencyBars(candidates, wide)) : []),
    ...candidates.flatMap((one) => details(one, single === undefined, wide)),
    '',
    ...remarks(report, wide),
    ...verdict(report, candidates, wide),
    '',
  ].join('\n');
}

function heading(report: Report, candidates: readonly Named[], wide: number): string[] {
  const { input, steps } = report;
  const [only] = candidates;
  const room = Math.floor((wide - 4) / 2);
  const to = candidates.length === 1 ? only!.output.path : `${candidates.length} models`;
  const title = `${cutMiddle(oneLine(input.path), room)} ${chalk.dim('->')} ${cutMiddle(oneLine(to), room)}`;
  const did = steps.length > 0 ? wrap(stepRemarks(report).join('; '), wide) : [];
  return [chalk.bold(title), ...did.map((line) => chalk.dim(line))];
}

/** What is said of one model below the table; with several, under its name. */
function details(one: Named, named: boolean, wide: number): string[] {
  const lines = [
    ...candidateRemarks(one).flatMap((line) => wrap(line, wide - 2).map((part) => `  ${part}`)),
    ...(named ? [] : structureBars(one, wide)),
    ...titled(sharingTable(one), wide),
    ...titled(profileTable(one), wide),
    ...titled(shortened(changedTable(one)), wide),
  ];
  return lines.length === 0 ? [] : ['', ...(named ? [chalk.bold(cutMiddle(one.name, wide))] : []), ...lines];
}

function titled(table: Table | undefined, wide: number): string[] {
  return table ? [chalk.dim(`  ${table.caption}`), ...textTable(table, wide)] : [];
}

/** The first examples. */
function shortened(table: Table | undefined): Table | undefined {
  return table && { ...table, rows: table.rows.slice(0, EXAMPLES) };
}

function remarks(report: Report, wide: number): string[] {
  const dim = (text: string): string[] => wrap(text, wide).map((line) => chalk.dim(line));
  const [data, ...bad] = dataRemarks(report);
  return [
    ...(data ? dim(data) : []),
    ...bad.flatMap((line) => wrap(line, wide).map((part) => chalk.yellow(part))),
    ...trainingRemarks(report).flatMap(dim),
    ...leftOut(report).flatMap(({ count, ops, reason }) => dim(`left: ${count} x ${ops}: ${reason}`)),
    ...baselineRemarks(report).flatMap(dim),
    ...report.notes.flatMap((note) => dim(`note: ${oneLine(note)}`)),
  ];
}

function verdict(report: Report, candidates: readonly Named[], wide: number): string[] {
  const took = chalk.dim(`${report.seconds.toFixed(1)} s, peak ${bytes(report.peakRssBytes)}`);
  const red = (text: string): string[] => wrap(oneLine(text), wide).map((line) => chalk.red(line));
  const several = candidates.length > 1;
  const own = candidates.flatMap((one) => [
    ...one.failures.flatMap((line) => red(`FAIL ${several ? `${one.name}: ` : ''}${line}`)),
    ...(one.diagnosis ?? []).flatMap((line) => red(`diagnosis: ${several ? `${one.name}: ` : ''}${line}`)),
  ]);
  const rest = otherFailures(report).flatMap((line) => red(`FAIL ${line}`));
  const word = `verdict: ${verdictWord(report.verdict)}`;
  const colour = { pass: chalk.green.bold, fail: chalk.red.bold, 'not-checked': chalk.yellow }[report.verdict];
  const why = report.verdict === 'not-checked' ? chalk.yellow(' (no gate was asked for)') : '';
  return [...own, ...rest, `${colour(word)}${why}  ${took}`];
}

function block(lines: readonly string[]): string[] {
  return lines.length > 0 ? ['', ...lines] : [];
}
