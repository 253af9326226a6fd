// The plot of size against accuracy, where there are models to choose from.
import { bytes, metricName } from '../figures.ts';
import type { Report } from '../schema.ts';
import { width } from '../strings.ts';
import { originalName, type Named } from '../tables.ts';
import { nearRange, scored } from './accuracy-plot.ts';
import { AFTER, axis, BEFORE, halo, PAPER } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { CHARACTER, figureMarkup, Plot, type Place } from './plot.ts';

/** Pixels around the plot. */
const MARGIN = { marginLeft: 52, marginRight: 16, marginTop: 24, marginBottom: 40 } as const;

/** A model as a point; `y` is where it stands, `below` says that it would be far lower. */
interface Point {
  readonly name: string;
  readonly mb: number;
  readonly value: number;
  readonly y: number;
  readonly below: boolean;
  readonly front: boolean;
}

/** Nothing where there is but one model. */
export function tradeFigure(report: Report, candidates: readonly Named[]): Markup | undefined {
  const rows = scored(candidates);
  const first = candidates.find(({ accuracy }) => accuracy)?.accuracy;
  if (!first || rows.length < 2) return undefined;
  const domain = nearRange(rows, 100 * first.before, 100 * (first.allowed ?? 0));
  const points = rows.map((row) => ({ ...row, mb: row.bytes / 1e6, ...shownAt(row.value, domain) }));
  const value = 100 * first.before;
  const original = {
    name: originalName(report),
    mb: report.input.bytes / 1e6,
    value,
    y: value,
    below: false,
    front: false,
  };
  const metric = metricName(first.metric);
  const told = [original, ...points].map((row) => `${row.name} ${bytes(1e6 * row.mb)} ${row.value.toFixed(2)} %`);
  const front = points.filter((row) => row.front).map((row) => row.name);
  const least = first.allowed === undefined ? undefined : 100 * (first.before - first.allowed);
  return figureMarkup({
    name: `Size against ${metric}: ${told.join(', ')}. On the Pareto front: ${front.join(', ') || 'none'}.`,
    caption: caption(
      metric,
      points.some(({ below }) => below),
    ),
    draw: (place) => drawing({ original, points, domain, least, metric }, place),
  });
}

function caption(metric: string, arrow: boolean): Markup {
  return html`<p>
    Size against ${metric}: up and to the left is better. <span class="key round after">Filled</span>: on the Pareto
    front, no other model is better in size, speed and accuracy at once. <span class="key round hollow">Hollow</span>:
    another is. <span class="key round before">Grey</span>: the
    original.${arrow && ' An arrow points to what is far below.'}
  </p>`;
}

interface Scene {
  readonly original: Point;
  readonly points: readonly Point[];
  readonly domain: [number, number];
  /** The least of the metric that is allowed. */
  readonly least: number | undefined;
  readonly metric: string;
}

function drawing({ original, points, domain, least, metric }: Scene, place: Place): Plot.PlotOptions {
  const phone = place.width < 400;
  const height = phone ? 280 : 340;
  const most = 1.05 * Math.max(...[original, ...points].map(({ mb }) => mb));
  const shown = points.filter(({ below }) => !below);
  return {
    ...MARGIN,
    height,
    x: { label: 'size, MB', ...axis, labelOffset: 38, domain: [0, most], ticks: phone ? 4 : 8 },
    y: { label: `${metric}, %`, ...axis, domain, ticks: 5 },
    marks: [
      ...(least === undefined ? [] : [Plot.ruleY([least], { stroke: 'var(--fail)', strokeDasharray: '4 3' })]),
      Plot.line(staircase(points), { x: 'mb', y: 'y', stroke: AFTER, strokeOpacity: 0.5, curve: 'step-after' }),
      Plot.dot([original], { x: 'mb', y: 'y', fill: BEFORE, r: 5 }),
      Plot.dot(shown, {
        x: 'mb',
        y: 'y',
        fill: (row: Point) => (row.front ? AFTER : PAPER),
        stroke: AFTER,
        strokeWidth: 1.5,
        r: 5,
      }),
      ...labels([...points, original], { domain, most, height }, place).map(labelMark),
    ],
  };
}

function labelMark({ row, text, dy, end }: Placed): Plot.Markish {
  return Plot.text([row], {
    x: 'mb',
    y: 'y',
    text: () => text,
    textAnchor: end ? 'end' : 'start',
    dx: end ? -9 : 9,
    dy,
    ...halo,
    ...(row.below ? { fill: 'var(--fail)' } : {}),
  });
}

/** A label in pixels: where its text begins and ends, and where its point stands; `end`: it stands left of its point. */
interface Label {
  readonly row: Point;
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly y: number;
  readonly end: boolean;
}

type Placed = Label & { readonly dy: number };

/** Labels in order from above, each moved down until it lies over none before it. */
function labels(
  rows: readonly Point[],
  { domain: [low, high], most, height }: { domain: readonly [number, number]; most: number; height: number },
  place: Place,
): Placed[] {
  const across = place.width - MARGIN.marginLeft - MARGIN.marginRight;
  const down = height - MARGIN.marginTop - MARGIN.marginBottom;
  const all = rows.map((row): Label => {
    const name = place.label(row.name);
    const text = row.below ? `↓ ${name} ${row.value.toFixed(2)} %` : name;
    const [x, size] = [(row.mb / most) * across, width(text) * CHARACTER + 9];
    const end = x + size > across;
    return {
      row,
      text,
      left: end ? x - size : x,
      right: end ? x : x + size,
      y: ((high - row.y) / (high - low)) * down,
      end,
    };
  });
  const placed: Placed[] = [];
  for (const label of all.sort((a, b) => a.y - b.y)) {
    const beside = placed.filter((other) => other.left < label.right && label.left < other.right);
    const y = Math.max(label.y, ...beside.map((other) => other.y + other.dy + 15));
    placed.push({ ...label, dy: y - label.y });
  }
  return placed;
}

/** Where a value stands that may be below the range: a little above its lower end. */
function shownAt(
  value: number,
  [low, high]: readonly [number, number],
): { readonly y: number; readonly below: boolean } {
  return value < low ? { y: low + 0.05 * (high - low), below: true } : { y: value, below: false };
}

/** Those of the front that size and accuracy alone put there, by size: the edge of what can be had. */
function staircase(points: readonly Point[]): Point[] {
  const front = points.filter((one) => one.front).sort((a, b) => a.mb - b.mb || b.y - a.y);
  return front.filter((one, i) => front.slice(0, i).every((smaller) => smaller.y < one.y));
}
