// A Report as JUnit XML: a suite a model, a case a gate; read by Jenkins, GitLab and GitHub's test reporters.
import { checksOf, otherFailures } from './checks.ts';
import { percent } from './figures.ts';
import { candidateRemarks } from './remarks.ts';
import { accuraciesOf, type Accuracy, type Check, type Report } from './schema.ts';
import { oneLine } from './strings.ts';
import { namedCandidates, type Named } from './tables.ts';

/**
 * XML text with <testsuites> as its root. JUnit's makers wrote no schema: elements and attributes are those of Jenkins'
 * xUnit plugin (junit-10.xsd), which GitLab and GitHub's reporters read as well.
 */
export function renderJunit(report: Report): string {
  const rest = otherFailures(report);
  const suites: Suite[] = [
    ...namedCandidates(report).map((one) => ({
      name: one.name,
      cases: casesOf(one, report.command),
      figures: figuresOf(report, one),
    })),
    ...(rest.length > 0 ? [{ name: 'run', cases: rest.map(failed), figures: [] }] : []),
  ];
  // models are measured in turn: each suite has an equal share of the time, so that sums are right
  const share = report.seconds / suites.length;
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="bert-compress ${attribute(report.command)}"${counts(all, report.seconds)}>`,
    ...suites.flatMap((suite) => suiteLines(suite, share, report.command)),
    '</testsuites>',
    '',
  ].join('\n');
}

interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
  readonly figures: readonly (readonly [name: string, value: string | number])[];
}

/** A test case: it holds where there is neither `failure` nor `skipped`. */
interface Case {
  readonly name: string;
  readonly failure?: { readonly message: string; readonly body: string };
  readonly skipped?: string;
}

/** The gates that were asked for; accuracy that no gate guards is a case that was skipped. */
function casesOf(one: Named, command: string): Case[] {
  const checks = checksOf(one);
  const cases = checks.map((check) => caseOf(check, one));
  const guarded = checks.some(({ gate }) => gate === 'max-drop');
  if (!guarded && command !== 'bench') cases.push({ name: 'accuracy', skipped: whyUnchecked(one) });
  return cases.length > 0 ? cases : [{ name: 'gates', skipped: 'no gate was asked for' }];
}

function caseOf({ gate, at, expected, found, verdict }: Check, one: Named): Case {
  const name = at === undefined ? gate : `${gate}: ${at}`;
  if (verdict === 'pass') return { name };
  const message = `expected ${expected}, found ${found}`;
  if (verdict === 'not-checked') return { name, skipped: message };
  const body = [message, ...(one.diagnosis ?? []), ...candidateRemarks(one)].map(oneLine).join('\n');
  return { name, failure: { message, body } };
}

function failed(line: string): Case {
  return { name: line, failure: { message: line, body: line } };
}

function whyUnchecked(one: Named): string {
  const said = accuraciesOf(one).map(
    ({ task, accuracy: { metric, before, after } }) =>
      `${task === undefined ? '' : `${task}: `}${metric} ${percent(before)} before, ${percent(after)} after`,
  );
  return said.length > 0 ? `${said.join('; ')}; no --max-drop was asked for` : 'accuracy was not measured';
}

function suiteLines({ name, cases, figures }: Suite, seconds: number, command: string): string[] {
  // Jenkins takes what stands before the last dot for a package
  const owner = attribute(`bert-compress.${command}.${name.replaceAll('.', '_')}`);
  const time = (seconds / cases.length).toFixed(3);
  const skipped = cases.filter((one) => one.skipped !== undefined).length;
  return [
    `  <testsuite name="${attribute(name)}"${counts(cases, seconds)} skipped="${skipped}">`,
    ...(figures.length > 0 ? ['    <properties>', ...figures.map(property), '    </properties>'] : []),
    ...cases.flatMap((one) =>
      caseLines(one, `    <testcase name="${attribute(one.name)}" classname="${owner}" time="${time}"`),
    ),
    '  </testsuite>',
  ];
}

function caseLines({ failure, skipped }: Case, head: string): string[] {
  if (failure)
    return [
      `${head}>`,
      `      <failure message="${attribute(failure.message)}" type="gate">${escapeXml(failure.body)}</failure>`,
      '    </testcase>',
    ];
  if (skipped !== undefined) return [`${head}>`, `      <skipped message="${attribute(skipped)}"/>`, '    </testcase>'];
  return [`${head}/>`];
}

function counts(cases: readonly Case[], seconds: number): string {
  const failures = cases.filter((one) => one.failure).length;
  return ` tests="${cases.length}" failures="${failures}" errors="0" time="${seconds.toFixed(3)}"`;
}

/** Figures as numbers, by the names they have in the report. */
function figuresOf(report: Report, one: Named): Suite['figures'] {
  const { parity } = one;
  return [
    ['input.path', report.input.path],
    ['input.bytes', report.input.bytes],
    ['output.path', one.output.path],
    ['output.sha256', one.output.sha256],
    ['output.bytes', one.output.bytes],
    ['ratio', one.ratio],
    ...accuraciesOf(one).flatMap(({ task, accuracy }) => accuracyFigures(accuracy, task)),
    ...(parity ? ([['parity.cosine', parity.cosine]] as const) : []),
    ...(one.latency ?? []).map((row) => [`latency.${row.batch}x${row.sequence}.speedup`, row.speedup] as const),
    ['seed', report.seed],
    ['machine.cpu', report.machine.cpu],
    ['machine.onnxruntime', report.machine.onnxruntime],
    ['version', report.tool.version],
  ];
}

function accuracyFigures({ metric, samples, before, after, drop, ci95 }: Accuracy, task?: string): Suite['figures'] {
  const of = task === undefined ? 'accuracy' : `${task}.accuracy`;
  const figures = { metric, samples, before, after, drop, ci95: ci95.join(' ') };
  return Object.entries(figures).map(([name, value]) => [`${of}.${name}`, value]);
}

function property([name, value]: readonly [string, string | number]): string {
  return `      <property name="${attribute(name)}" value="${attribute(String(value))}"/>`;
}

/** Characters outside XML 1.0's `Char` production (section 2.2) become U+FFFD: no escape would make them legal. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!);
}

/** One line: a line break in an attribute would be a space after reading (section 3.3.3). */
function attribute(text: string): string {
  return escapeXml(oneLine(text));
}
