// A Report as people read it in a terminal: a table of before and after, the verdict, what was left and what to know.
import chalk from 'chalk';
import type { CompressionReport as Report } from './schema.ts';

/** Lines of text, coloured where chalk finds a terminal. */
export function renderText(report: Report): string {
  return [
    ...heading(report),
    '',
    ...table(rows(report)),
    '',
    ...leftOut(report),
    ...report.notes.map((note) => chalk.dim(`note: ${note}`)),
    ...verdict(report),
    '',
  ].join('\n');
}

function heading({ input, output, steps }: Report): string[] {
  return [
    chalk.bold(`${input.path} ${chalk.dim('->')} ${output.path}`),
    chalk.dim(
      steps
        .map(
          (step) =>
            `${step.pass}: ${Object.entries(step.stats)
              .map(([name, count]) => `${count} ${name}`)
              .join(', ')}`,
        )
        .join('; '),
    ),
  ];
}

type Cells = readonly [name: string, before: string, after: string, change: string];

function rows(report: Report): Cells[] {
  const { input, output, accuracy, parity, latency } = report;
  const out: Cells[] = [
    ['', 'before', 'after', ''],
    [
      'size',
      bytes(input.bytes),
      bytes(output.bytes),
      `${(100 * report.ratio).toFixed(1)} %, ${(1 / report.ratio).toFixed(2)}x smaller`,
    ],
  ];
  if (accuracy) {
    const [low, high] = accuracy.ci95;
    const significance = accuracy.p === undefined ? '' : `, p ${accuracy.p.toFixed(3)}`;
    out.push([
      accuracy.metric,
      percent(accuracy.before),
      percent(accuracy.after),
      `${signed(-accuracy.drop)} points (95 %: ${signed(-high)} to ${signed(-low)}${significance}), ${accuracy.samples} samples`,
    ]);
    for (const [name, pair] of Object.entries(accuracy.secondary))
      out.push([name, percent(pair.before), percent(pair.after), `${signed(pair.after - pair.before)} points`]);
  }
  for (const row of latency ?? [])
    out.push([
      `latency ${row.batch} x ${row.sequence}`,
      `${row.beforeMs.toFixed(2)} ms`,
      `${row.afterMs.toFixed(2)} ms`,
      speed(row.speedup),
    ]);
  if (parity) {
    const more = [
      parity.sqnrDb === undefined ? 'equal bit by bit' : `SQNR ${parity.sqnrDb.toFixed(1)} dB`,
      `largest difference ${parity.maxAbs.toPrecision(3)}`,
      ...(parity.agreement === undefined ? [] : [`agreement ${percent(parity.agreement)}`]),
      ...(parity.kl === undefined ? [] : [`KL ${parity.kl.toPrecision(3)} nats`]),
    ];
    out.push(['parity', '', `cosine ${parity.cosine.toFixed(5)}`, more.join(', ')]);
  }
  return out;
}

function table(cells: readonly Cells[]): string[] {
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row, i) => {
    const line =
      `  ${row[0].padEnd(widths[0]!)}  ${row[1].padStart(widths[1]!)}  ${row[2].padStart(widths[2]!)}  ${row[3]}`.trimEnd();
    return i === 0 ? chalk.dim(line) : line;
  });
}

/** What stayed as it was, by reason. */
function leftOut(report: Report): string[] {
  const reasons = new Map<string, { ops: Set<string>; count: number }>();
  for (const { op, reason } of report.steps.flatMap((step) => step.skipped)) {
    const entry = reasons.get(reason) ?? { ops: new Set<string>(), count: 0 };
    entry.ops.add(op);
    entry.count++;
    reasons.set(reason, entry);
  }
  return [...reasons].map(([reason, { ops, count }]) =>
    chalk.dim(`left: ${count} x ${[...ops].join(', ')}: ${reason}`),
  );
}

function verdict(report: Report): string[] {
  const took = chalk.dim(`${report.seconds.toFixed(1)} s, peak ${bytes(report.peakRssBytes)}`);
  if (report.verdict === 'fail')
    return [...report.failures.map((line) => chalk.red(`FAIL ${line}`)), `${chalk.red.bold('verdict: fail')}  ${took}`];
  const word =
    report.verdict === 'pass'
      ? chalk.green.bold('verdict: pass')
      : chalk.yellow('verdict: not checked (no gate was asked for)');
  return [`${word}  ${took}`];
}

function speed(factor: number): string {
  const text = `${factor.toFixed(2)}x`;
  return factor < 1 ? chalk.yellow(`${text}, slower`) : text;
}

/** Bytes in decimal units. */
export function bytes(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} GB`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(2)} MB`;
  return count >= 1e3 ? `${(count / 1e3).toFixed(1)} kB` : `${count} B`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

function signed(fraction: number): string {
  const points = 100 * fraction;
  return `${points > 0 ? '+' : ''}${Math.abs(points) < 0.005 ? '0.00' : points.toFixed(2)}`;
}
