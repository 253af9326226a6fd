// Plots of latency by shape: one candidate in one plot, several in a plot a shape.
import { factor, ms } from '../figures.ts';
import type { Report } from '../schema.ts';
import { latencyAt, originalName, shape, shapesOf, type Named, type Table } from '../tables.ts';
import { AFTER, axis, bars, BEFORE, INK, ROW, type Bar } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { figureMarkup, Plot } from './plot.ts';

/** Latency at each shape: one candidate in one plot; several in a plot a shape. */
export function latencyFigures(report: Report, candidates: readonly Named[]): Markup[] {
  const measured = candidates.filter(({ latency }) => latency?.length);
  if (measured.length === 1) return [latencyPairs(measured[0]!)];
  return shapesOf(measured).map((key) => latencyBarsAt(report, measured, key));
}

const withInterval = (has: boolean): string | false => has && ' The line is the 95 % interval of the median.';

function latencyPairs(one: Named): Markup {
  const rows = (one.latency ?? []).map((row) => ({ ...row, name: shape(row), note: factor(row.speedup) }));
  const all = rows.flatMap((row) => [row.beforeMs, row.afterMs]);
  const logarithmic = Math.max(...all) > 20 * Math.min(...all);
  const y = (row: (typeof rows)[number]): string => row.name;
  const ranged = rows.filter((row) => row.beforeCi95Ms && row.afterCi95Ms);
  const names = rows.map(({ name }) => name);
  return figureMarkup({
    name: `Dots of the median latency at each shape, before and after: ${rows.map((row) => `${row.name} ${ms(row.beforeMs)} to ${ms(row.afterMs)}`).join(', ')}.`,
    caption: html`<p>
      Median latency by shape (batch x tokens), <span class="key round before">before</span> and
      <span class="key round after">after</span>; at the right the
      speedup.${withInterval(ranged.length > 0)}${logarithmic && ' The scale is logarithmic.'}
    </p>`,
    draw: (place) => ({
      height: rows.length * (ROW + 4) + 44,
      marginLeft: place.margin(names),
      marginRight: 52,
      marginTop: 4,
      marginBottom: 36,
      x: {
        label: 'ms',
        ...axis,
        grid: true,
        ...(logarithmic
          ? { type: 'log', ticks: place.width < 400 ? 3 : 6, tickFormat: '~g' }
          : { zero: true, nice: true }),
      },
      y: { domain: names, label: null, tickSize: 0 },
      marks: [
        Plot.link(rows, { x1: 'beforeMs', x2: 'afterMs', y1: y, y2: y, stroke: 'var(--line)', strokeWidth: 2 }),
        Plot.ruleY(ranged, {
          x1: (row) => row.beforeCi95Ms![0],
          x2: (row) => row.beforeCi95Ms![1],
          y,
          stroke: BEFORE,
          strokeWidth: 2,
        }),
        Plot.ruleY(ranged, {
          x1: (row) => row.afterCi95Ms![0],
          x2: (row) => row.afterCi95Ms![1],
          y,
          stroke: AFTER,
          strokeWidth: 2,
        }),
        Plot.dot(rows, { x: 'beforeMs', y, fill: BEFORE, r: 4.5 }),
        Plot.dot(rows, { x: 'afterMs', y, fill: AFTER, r: 4.5 }),
        Plot.text(rows, { frameAnchor: 'right', y, text: 'note', textAnchor: 'start', dx: 10, fill: INK }),
      ],
    }),
    data: latencyTable([one]),
  });
}

function latencyBarsAt(report: Report, candidates: readonly Named[], key: string): Markup {
  const measured = candidates.flatMap((one) =>
    latencyAt(one, key) ? [{ name: one.name, row: latencyAt(one, key)! }] : [],
  );
  const { row: first } = measured[0]!;
  const rows: Bar[] = [
    {
      name: originalName(report),
      value: first.beforeMs,
      note: ms(first.beforeMs),
      fill: BEFORE,
      range: first.beforeCi95Ms,
    },
    ...measured.map(({ name, row }) => ({
      name,
      value: row.afterMs,
      note: `${ms(row.afterMs)}, ${factor(row.speedup)}`,
      fill: AFTER,
      range: row.afterCi95Ms,
    })),
  ];
  return figureMarkup({
    name: `Bars of the median latency at ${key}: ${rows.map(({ name, note }) => `${name} ${note}`).join('; ')}.`,
    caption: html`<p>
      Median latency at ${key} (batch x tokens), with the speedup of each model over the
      <span class="key before">original</span>.${withInterval(rows.some(({ range }) => range))}
    </p>`,
    draw: (place) => bars(rows, 'ms', place),
  });
}

/** Latency with its intervals. */
function latencyTable(candidates: readonly Named[]): Table {
  const range = (values: readonly number[] | undefined, show: (value: number) => string): string =>
    values ? values.map(show).join(' to ') : '';
  const rows = candidates.flatMap(({ latency }) =>
    (latency ?? []).map((row) => [
      shape(row),
      ms(row.beforeMs),
      range(row.beforeCi95Ms, ms),
      ms(row.afterMs),
      range(row.afterCi95Ms, ms),
      factor(row.speedup),
      range(row.speedupCi95, factor),
    ]),
  );
  const titles = ['shape', 'before', '95 %', 'after', '95 %', 'speedup', '95 %'];
  const used = titles.map((_, i) => i === 0 || rows.some((row) => row[i] !== ''));
  return {
    caption: 'Median latency by shape (batch x tokens)',
    columns: titles.filter((_, i) => used[i]).map((title, i) => ({ title, kind: i === 0 ? 'word' : 'number' })),
    rows: rows.map((row) => row.filter((_, i) => used[i])),
  };
}
