// The plots of the page, each with the sentence that names it and the figures it draws.
import { bytes, factor, metricName, metricValue, ms, percent, signedPoints } from '../figures.ts';
import type { Report } from '../schema.ts';
import {
  latencyAt,
  originalName,
  partsTable,
  profileTable,
  shape,
  shapesOf,
  type Named,
  type Table,
} from '../tables.ts';
import { html, type Markup } from './markup.ts';
import { figureMarkup, Plot, type Place } from './plot.ts';

const BEFORE = 'var(--before)';
const AFTER = 'var(--after)';
const INK = 'var(--ink)';
const PAPER = 'var(--paper)';
/** Height of a row of a plot, pixels. */
const ROW = 24;
/** Operators drawn; the table under the plot has all. */
const OPERATORS = 10;

const beforeAndAfter = html`<span class="key before">before</span> and <span class="key after">after</span>`;

/** A row of a plot in which the original and one candidate lie over each other. */
interface Pair {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  readonly note: string;
}

/** Bars of the original, and inside them, thinner, those of the candidate. */
function pairBars(rows: readonly Pair[], unit: string, place: Place): Plot.PlotOptions {
  const names = rows.map(({ name }) => name);
  const y = (row: Pair): string => row.name;
  return {
    height: rows.length * ROW + 40,
    marginLeft: place.margin(names),
    marginRight: 12 + 6.7 * Math.max(...rows.map(({ note }) => note.length)),
    marginTop: 4,
    marginBottom: 36,
    x: { label: unit, nice: true, labelArrow: 'none', ticks: place.width < 400 ? 3 : 6 },
    y: { domain: names, label: null, tickFormat: place.label, tickSize: 0, padding: 0.25 },
    marks: [
      Plot.barX(rows, { x: 'before', y, fill: BEFORE }),
      Plot.barX(rows, { x: 'after', y, fill: AFTER, stroke: PAPER, strokeWidth: 1, insetTop: 5, insetBottom: 5 }),
      Plot.text(rows, {
        x: (row: Pair) => Math.max(row.before, row.after),
        y,
        text: 'note',
        textAnchor: 'start',
        dx: 6,
        fill: INK,
      }),
      Plot.ruleX([0], { stroke: INK }),
    ],
  };
}

/** Size of each part of the model, before and after. */
export function partsFigure(one: Named): Markup | undefined {
  const { parts } = one;
  if (!parts) return undefined;
  const [unit, scale] = Math.max(...parts.before.map((part) => part.bytes)) >= 1e6 ? ['MB', 1e6] : ['kB', 1e3];
  const names = [...new Set([...parts.before, ...parts.after].map(({ name }) => name))];
  const rows = names.map((name): Pair => {
    const [before, after] = [parts.before, parts.after].map((side) => side.find((part) => part.name === name));
    const size = (part: typeof before): number => (part?.bytes ?? 0) / scale;
    return { name, before: size(before), after: size(after), note: after ? after.precision : 'gone' };
  });
  return figureMarkup({
    name: `Bars of the size of each part in ${unit}, before and after: ${rows.map((row) => `${row.name} ${row.before.toFixed(1)} to ${row.after.toFixed(1)}`).join(', ')}.`,
    caption: html`<p>Size of each part, ${beforeAndAfter}; beside it the precision of its weights now.</p>`,
    draw: (place) =>
      pairBars(
        rows.map((row) => ({ ...row, note: place.label(row.note) })),
        unit,
        place,
      ),
    data: partsTable(one),
  });
}

/** Time of each operator in a run, before and after. */
export function profileFigure(one: Named): Markup | undefined {
  const table = profileTable(one);
  const { profile } = one;
  if (!table || !profile) return undefined;
  const time = (side: typeof profile.before, op: string): number => side.find((row) => row.op === op)?.ms ?? 0;
  const ops = [...new Set([...profile.before, ...profile.after].map(({ op }) => op))]
    .map((op): Pair => ({ name: op, before: time(profile.before, op), after: time(profile.after, op), note: '' }))
    .sort((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after));
  const rows = ops
    .slice(0, OPERATORS)
    .map((row) => ({ ...row, note: `${row.before.toFixed(1)} to ${row.after.toFixed(1)}` }));
  const rest = ops.length - rows.length;
  return figureMarkup({
    name: `Bars of the time of each operator in ms a run of ${shape(profile)}, before and after: ${rows.map(({ name, note }) => `${name} ${note}`).join(', ')}.`,
    caption: html`<p>
      Time of each operator, ${beforeAndAfter}, in a run of ${shape(profile)} (batch x
      tokens).${rest > 0 && ` ${rest} more in the table.`}
    </p>`,
    draw: (place) => pairBars(rows, 'ms a run', place),
    data: table,
  });
}

/** Peak memory of each model in a process of its own. */
export function memoryFigure(report: Report, candidates: readonly Named[]): Markup | undefined {
  const measured = candidates.flatMap(({ name, memory }) => (memory ? [{ name, memory }] : []));
  if (measured.length === 0) return undefined;
  const original = { name: originalName(report), value: measured[0]!.memory.beforePeakRssBytes, fill: BEFORE };
  const rows = [
    original,
    ...measured.map(({ name, memory }) => ({ name, value: memory.afterPeakRssBytes, fill: AFTER })),
  ];
  return figureMarkup({
    name: `Bars of peak memory: ${rows.map(({ name, value }) => `${name} ${bytes(value)}`).join(', ')}.`,
    caption: html`<p>Peak memory of each model in a process of its own, over all shapes.</p>`,
    draw: (place) =>
      bars(
        rows.map((row) => ({ ...row, value: row.value / 1e6, note: bytes(row.value) })),
        'MB',
        place,
      ),
  });
}

interface Bar {
  readonly name: string;
  readonly value: number;
  readonly note: string;
  readonly fill: string;
  readonly range?: readonly [number, number] | undefined;
}

/** A bar a model, its figure at the end, its interval over it. */
function bars(rows: readonly Bar[], unit: string, place: Place): Plot.PlotOptions {
  const names = rows.map(({ name }) => name);
  const ranged = rows.filter(({ range }) => range);
  const y = (row: Bar): string => row.name;
  return {
    height: rows.length * ROW + 40,
    marginLeft: place.margin(names),
    marginRight: 12 + 6.7 * Math.max(...rows.map(({ note }) => note.length)),
    marginTop: 4,
    marginBottom: 36,
    x: { label: unit, nice: true, labelArrow: 'none', ticks: place.width < 400 ? 3 : 6 },
    y: { domain: names, label: null, tickFormat: place.label, tickSize: 0, padding: 0.3 },
    marks: [
      Plot.barX(rows, { x: 'value', y, fill: (row: Bar) => row.fill }),
      Plot.ruleY(ranged, { x1: (row: Bar) => row.range![0], x2: (row: Bar) => row.range![1], y, stroke: INK }),
      Plot.text(rows, {
        x: (row: Bar) => Math.max(row.value, row.range?.[1] ?? 0),
        y,
        text: 'note',
        textAnchor: 'start',
        dx: 6,
        fill: INK,
      }),
      Plot.ruleX([0], { stroke: INK }),
    ],
  };
}

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
        labelArrow: 'none',
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

interface Scored {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly bytes: number;
  readonly front: boolean;
}

function scored(candidates: readonly Named[]): Scored[] {
  return candidates.flatMap(({ name, accuracy, output, pareto }) => {
    if (!accuracy) return [];
    const [low, high] = accuracy.ci95.map((drop) => 100 * (accuracy.before - drop)) as [number, number];
    return [{ name, value: 100 * accuracy.after, low: high, high: low, bytes: output.bytes, front: pareto === true }];
  });
}

/** A range of the metric that shows the models that are near; one far below it would press all others together. */
function nearRange(rows: readonly Scored[], original: number, allowed: number): [number, number] {
  const reach = rows
    .map((row) => Math.max(original - row.low, row.high - original, 1.5 * allowed, 0.5))
    .sort((a, b) => a - b);
  const most = 6 * reach[Math.floor((reach.length - 1) / 2)]!;
  const low = Math.max(Math.min(original - 1.5 * allowed, ...rows.map((row) => row.low)), original - most);
  const high = Math.min(Math.max(original + 0.5 * allowed, ...rows.map((row) => row.high)), original + most);
  const air = 0.05 * Math.max(high - low, 0.5);
  return [low - air, high + air];
}

/** The primary metric of each candidate with its interval, against the original and what was allowed. */
export function accuracyFigure(candidates: readonly Named[]): Markup | undefined {
  const rows = scored(candidates);
  const first = candidates.find(({ accuracy }) => accuracy)?.accuracy;
  if (!first || rows.length === 0) return undefined;
  const original = 100 * first.before;
  const allowed = 100 * (first.allowed ?? 0);
  const domain = nearRange(rows, original, allowed);
  const inside = rows.filter(({ value }) => value >= domain[0]);
  const outside = rows.filter(({ value }) => value < domain[0]);
  const clip = (value: number): number => Math.min(Math.max(value, domain[0]), domain[1]);
  const name = metricName(first.metric);
  const y = (row: Scored): string => row.name;
  return figureMarkup({
    name: `Dots of ${name} with 95 % intervals: original ${percent(first.before)}, ${rows.map((row) => `${row.name} ${row.value.toFixed(2)} % (${row.low.toFixed(2)} to ${row.high.toFixed(2)})`).join(', ')}.`,
    caption: html`<p>
      ${name} of ${rows.length > 1 ? 'each model' : 'the model'}; the line is the 95 % interval of its difference from
      the original (paired bootstrap), which stands at
      ${metricValue(first.metric, first.before)}.${first.allowed !== undefined && html` The dashed line is the least that <code>--max-drop</code> allows, ${metricValue(first.metric, first.before - first.allowed)}.`}${outside.length > 0 && ' An arrow points to what is far below.'}
    </p>`,
    draw: (place) => ({
      height: rows.length * (ROW + 4) + 56,
      marginLeft: place.margin(rows.map((row) => row.name)),
      marginRight: 64,
      marginTop: 20,
      marginBottom: 36,
      x: { domain, label: `${name}, %`, labelArrow: 'none', ticks: place.width < 400 ? 3 : 6 },
      y: { domain: rows.map((row) => row.name), label: null, tickFormat: place.label, tickSize: 0 },
      marks: [
        Plot.ruleX([original], { stroke: BEFORE, strokeWidth: 1.5 }),
        Plot.text([original], {
          x: (value: number) => value,
          text: () => 'original',
          frameAnchor: 'top',
          dy: -12,
          fill: 'var(--soft)',
        }),
        ...(allowed > 0 ? [Plot.ruleX([original - allowed], { stroke: 'var(--fail)', strokeDasharray: '4 3' })] : []),
        Plot.ruleY(inside, {
          x1: (row: Scored) => clip(row.low),
          x2: (row: Scored) => clip(row.high),
          y,
          stroke: AFTER,
          strokeWidth: 2,
        }),
        Plot.dot(inside, { x: 'value', y, fill: AFTER, r: 4.5 }),
        Plot.text(rows, {
          frameAnchor: 'right',
          y,
          text: (row: Scored) => `${row.value.toFixed(2)} %`,
          textAnchor: 'start',
          dx: 10,
          fill: INK,
        }),
        Plot.text(outside, {
          frameAnchor: 'left',
          y,
          text: () => '←',
          textAnchor: 'start',
          dx: 4,
          fill: 'var(--fail)',
        }),
      ],
    }),
  });
}

/** Size against accuracy, where there are models to choose from. */
export function tradeFigure(report: Report, candidates: readonly Named[]): Markup | undefined {
  const rows = scored(candidates);
  const first = candidates.find(({ accuracy }) => accuracy)?.accuracy;
  if (!first || rows.length < 2) return undefined;
  const original = { name: originalName(report), value: 100 * first.before, bytes: report.input.bytes };
  const domain = nearRange(rows, original.value, 100 * (first.allowed ?? 0));
  const points = rows.map((row) => ({
    ...row,
    mb: row.bytes / 1e6,
    y: Math.max(row.value, domain[0]),
    below: row.value < domain[0],
  }));
  const name = metricName(first.metric);
  const widest = original.bytes / 1e6;
  return figureMarkup({
    name: `Size against ${name}: ${[original, ...rows].map((row) => `${row.name} ${bytes(row.bytes)} ${row.value.toFixed(2)} %`).join(', ')}. On the Pareto front: ${
      rows
        .filter(({ front }) => front)
        .map((row) => row.name)
        .join(', ') || 'none'
    }.`,
    caption: html`<p>
      Size against ${name}: up and to the left is better. <span class="key round after">Filled</span>: on the Pareto
      front, no other model is better in size, speed and accuracy at once. <span class="key round hollow">Hollow</span>:
      another is. <span class="key round before">Grey</span>: the
      original.${points.some(({ below }) => below) && ' An arrow points to what is far below.'}
    </p>`,
    draw: (place) => {
      const height = place.width < 400 ? 280 : 340;
      const labels = apart(
        [...points, { ...original, mb: widest, y: original.value, below: false }],
        domain,
        height - 60,
      );
      return {
        height,
        marginLeft: 52,
        marginRight: 16,
        marginTop: 24,
        marginBottom: 36,
        x: {
          label: 'size, MB',
          labelArrow: 'none',
          domain: [0, Math.max(widest, ...points.map(({ mb }) => mb)) * 1.05],
          ticks: place.width < 400 ? 4 : 8,
        },
        y: { label: `${name}, %`, labelArrow: 'none', domain, ticks: 5 },
        marks: [
          ...(first.allowed === undefined
            ? []
            : [Plot.ruleY([100 * (first.before - first.allowed)], { stroke: 'var(--fail)', strokeDasharray: '4 3' })]),
          Plot.line(staircase(points), { x: 'mb', y: 'y', stroke: AFTER, strokeOpacity: 0.5, curve: 'step-after' }),
          Plot.dot([original], { x: widest, y: 'value', fill: BEFORE, r: 5 }),
          Plot.dot(
            points.filter(({ below }) => !below),
            { x: 'mb', y: 'y', fill: (row) => (row.front ? AFTER : PAPER), stroke: AFTER, strokeWidth: 1.5, r: 5 },
          ),
          ...labels.map(({ row, dy }) =>
            Plot.text([row], {
              x: 'mb',
              y: 'y',
              text: () =>
                `${row.below ? '↓ ' : ''}${place.label(row.name)}${row.below ? ` ${row.value.toFixed(2)} %` : ''}`,
              textAnchor: row.mb > widest * 0.62 ? 'end' : 'start',
              dx: row.mb > widest * 0.62 ? -9 : 9,
              dy,
              fill: row.below ? 'var(--fail)' : INK,
            }),
          ),
        ],
      };
    },
  });
}

/** Those of the front that size and accuracy alone put there, by size: the edge of what can be had. */
function staircase<Point extends { readonly front: boolean; readonly mb: number; readonly y: number }>(
  points: readonly Point[],
): Point[] {
  const front = points.filter((one) => one.front).sort((a, b) => a.mb - b.mb || b.y - a.y);
  return front.filter((one, i) => front.slice(0, i).every((smaller) => smaller.y < one.y));
}

/** Labels moved apart, from above, where they would lie over each other. */
function apart<Row extends { readonly y: number; readonly mb: number }>(
  rows: readonly Row[],
  [low, high]: readonly [number, number],
  pixels: number,
): { readonly row: Row; readonly dy: number }[] {
  const at = (row: Row): number => ((high - row.y) / (high - low)) * pixels;
  let last = -Infinity;
  return rows
    .toSorted((a, b) => at(a) - at(b))
    .map((row) => {
      const place = Math.max(at(row), last + 15);
      last = place;
      return { row, dy: place - at(row) };
    });
}

/** A difference in points, for sentences. */
export function pointsOf(drop: number): string {
  return `${signedPoints(-drop)} points`;
}
