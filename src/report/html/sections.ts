// The parts of the page in their order; one that has nothing to say is not there.
import { checksOf, verdictWord } from '../checks.ts';
import { overview } from '../overview.ts';
import { counted, counter, metricChange, metricName, metricValue } from '../figures.ts';
import { baselineRemarks, candidateRemarks, dataRemarks, leftOut, machineRemark, trainingRemarks } from '../remarks.ts';
import { sharingTable } from '../layers-picture.ts';
import type { Report } from '../schema.ts';
import { oneLine } from '../strings.ts';
import { beforeAfter, changedTable, type Named, type Table } from '../tables.ts';
import { html, type Markup } from './markup.ts';
import { accuracyFigure } from './accuracy-plot.ts';
import { latencyFigures } from './latency-plots.ts';
import { memoryFigure, partsFigure, profileFigure } from './part-plots.ts';
import { curveFigure, structureFigures } from './structure-plot.ts';
import { tradeFigure } from './trade-plot.ts';
import { tableMarkup } from './table.ts';
import { trainingFigures } from './training-plot.ts';

export interface Section {
  /** Of the heading, for links. */
  readonly id: string;
  readonly title: string;
  readonly body: readonly Markup[];
}

export function sections(report: Report, candidates: readonly Named[]): Section[] {
  const several = candidates.length > 1;
  const all: [id: string, title: string, body: (Markup | undefined)[]][] = [
    ['summary', 'Summary', [several ? tableMarkup(overview(report, candidates), true) : figures(report, candidates)]],
    ['gates', 'Gates', [gates(candidates)]],
    ['accuracy', 'Accuracy', accuracy(candidates)],
    ['training', 'Training', [list(trainingRemarks(report)), ...trainingFigures(report)]],
    ['trade', 'Size against accuracy', [tradeFigure(report, candidates)]],
    ['curve', 'Multiply-adds against the metric', [curveFigure(candidates)]],
    ['structure', 'Heads and neurons by layer', named(candidates, structureFigures)],
    ['sharing', 'Layers that share weights', named(candidates, (one) => [sharing(one)])],
    ['parts', 'Size by part', named(candidates, (one) => [partsFigure(one)])],
    ['latency', 'Latency', latencyFigures(report, candidates)],
    ['memory', 'Memory', [memoryFigure(report, candidates)]],
    ['operators', 'Time by operator', named(candidates, (one) => [profileFigure(one)])],
    ['changed', 'Examples that got worse', named(candidates, (one) => [changed(one)])],
    ['compressed', 'What was compressed, and what was left', compressed(report)],
    ['about', 'Data, machine and notes', about(report)],
  ];
  return all
    .map(([id, title, body]) => ({ id, title, body: body.filter((one) => one !== undefined) }))
    .filter(({ body }) => body.length > 0);
}

/** What is to be said of each candidate, under its name where there are several. */
function named(candidates: readonly Named[], of: (one: Named) => (Markup | undefined)[]): Markup[] {
  return candidates.flatMap((one) => {
    const body = of(one).filter((part) => part !== undefined);
    return body.length > 0 && candidates.length > 1 ? [html`<h3>${one.name}</h3>`, ...body] : body;
  });
}

function sharing(one: Named): Markup | undefined {
  const table = sharingTable(one);
  return table && tableMarkup(table);
}

function figures(report: Report, [only]: readonly Named[]): Markup | undefined {
  return only && tableMarkup(beforeAfter(report, only), true);
}

function gates(candidates: readonly Named[]): Markup | undefined {
  const several = candidates.length > 1;
  const rows = candidates.flatMap((one) =>
    checksOf(one).map(({ gate, at, expected, found, verdict }) => [
      ...(several ? [one.name] : []),
      oneLine(at === undefined ? gate : `${gate}, ${at}`),
      verdictWord(verdict),
      oneLine(expected),
      oneLine(found),
    ]),
  );
  if (rows.length === 0) return undefined;
  const column = (title: string, kind: Table['columns'][number]['kind']) => ({ title, kind });
  return tableMarkup(
    {
      caption: 'What was asked for, and what was found',
      columns: [
        ...(several ? [column('model', 'path')] : []),
        column('gate', 'word'),
        column('verdict', 'word'),
        column('expected', 'word'),
        column('found', 'number'),
      ],
      rows,
    },
    true,
  );
}

function accuracy(candidates: readonly Named[]): (Markup | undefined)[] {
  return [
    accuracyFigure(candidates),
    candidates.length > 1 ? secondary(candidates) : undefined,
    ...named(candidates, (one) => [list(candidateRemarks(one))]),
  ];
}

/** All metrics of several candidates; of one, the table of figures has them. */
function secondary(candidates: readonly Named[]): Markup | undefined {
  const keys = [...new Set(candidates.flatMap((one) => Object.keys(one.accuracy?.secondary ?? {})))];
  if (keys.length === 0) return undefined;
  const rows = candidates.map(({ name, accuracy }) => [
    name,
    ...keys.flatMap((key) => {
      const pair = accuracy?.secondary[key];
      return pair
        ? [metricValue(key, pair.after), metricChange(key, pair.after - pair.before).replace(' points', '')]
        : ['', ''];
    }),
  ]);
  const columns = keys.flatMap((key) =>
    [metricName(key), 'change'].map((title) => ({ title, kind: 'number' }) as const),
  );
  return tableMarkup({
    caption: 'Other metrics and their change, in points where they are percentages',
    columns: [{ title: 'model', kind: 'path' }, ...columns],
    rows,
  });
}

function changed(one: Named): Markup | undefined {
  const table = changedTable(one);
  return table && tableMarkup(table);
}

function compressed(report: Report): (Markup | undefined)[] {
  const steps = report.steps.map(({ pass, stats }) =>
    tableMarkup({
      caption: `What ${oneLine(pass)} did`,
      columns: [
        { title: 'what', kind: 'word' },
        { title: 'count', kind: 'number' },
      ],
      rows: Object.entries(stats).map(([name, count]) => [oneLine(name), counter(count)]),
    }),
  );
  const left = leftOut(report);
  if (left.length === 0) return steps;
  const total = left.reduce((sum, { count }) => sum + count, 0);
  return [
    ...steps,
    tableMarkup({
      caption: `${counted(total, 'node')} left as they were, by reason`,
      columns: [
        { title: 'operators', kind: 'word' },
        { title: 'count', kind: 'number' },
        { title: 'reason', kind: 'prose' },
      ],
      rows: left.map(({ ops, count, reason }) => [ops, String(count), reason]),
    }),
  ];
}

function about(report: Report): (Markup | undefined)[] {
  const lines = [
    ...dataRemarks(report),
    ...baselineRemarks(report),
    machineRemark(report),
    ...report.notes.map(oneLine),
  ];
  return [list(lines), badRows(report)];
}

function badRows({ data }: Report): Markup | undefined {
  if (!data || data.bad.length === 0) return undefined;
  const count = data.badRows ?? data.bad.length;
  const table = tableMarkup({
    caption: `${counted(count, 'row')} could not be used${count > data.bad.length ? `; the first ${data.bad.length}` : ''}`,
    columns: [
      { title: 'line', kind: 'number' },
      { title: 'reason', kind: 'prose' },
    ],
    rows: data.bad.map(({ line, reason }) => [String(line), oneLine(reason)]),
  });
  return html`<details>
    <summary>Rows that could not be used</summary>
    ${table}
  </details>`;
}

function list(lines: readonly string[]): Markup | undefined {
  return lines.length > 0
    ? html`<ul>
        ${lines.map((line) => html`<li>${line}</li>`)}
      </ul>`
    : undefined;
}
