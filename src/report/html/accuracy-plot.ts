// The plot of the primary metric with its interval, against the original and what was allowed.
import { metricName, metricValue, percent } from '../figures.ts';
import type { Named } from '../tables.ts';
import { AFTER, axis, BEFORE, INK, ROW } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { figureMarkup, Plot } from './plot.ts';

export interface Scored {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly bytes: number;
  readonly front: boolean;
}

export function scored(candidates: readonly Named[]): Scored[] {
  return candidates.flatMap(({ name, accuracy, output, pareto }) => {
    if (!accuracy) return [];
    const [low, high] = accuracy.ci95.map((drop) => 100 * (accuracy.before - drop)) as [number, number];
    return [{ name, value: 100 * accuracy.after, low: high, high: low, bytes: output.bytes, front: pareto === true }];
  });
}

/**
 * A range of the metric that shows the models that are near the original: one far below (four times the reach of the
 * middle one) would press all others together.
 */
export function nearRange(rows: readonly Scored[], original: number, allowed: number): [number, number] {
  const reach = (row: Scored): number => Math.max(original - row.low, row.high - original, 1.5 * allowed, 0.5);
  const reaches = rows.map(reach).sort((a, b) => a - b);
  const near = rows.filter((row) => reach(row) <= 4 * reaches[Math.floor((reaches.length - 1) / 2)]!);
  const low = Math.min(original - 1.5 * allowed, ...near.map((row) => row.low));
  const high = Math.max(original + 0.5 * allowed, ...near.map((row) => row.high));
  const air = Math.max(0.12 * (high - low), 0.1);
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
      ${capital(name)} of ${rows.length > 1 ? 'each model' : 'the model'}; the line is the 95 % interval of its
      difference from the original (paired bootstrap), which stands at
      ${metricValue(first.metric, first.before)}.${first.allowed !== undefined && html` The dashed line is the least that <code>--max-drop</code> allows, ${metricValue(first.metric, first.before - first.allowed)}.`}${outside.length > 0 && ' An arrow points to what is far below.'}
    </p>`,
    draw: (place) => ({
      height: rows.length * (ROW + 4) + 56,
      marginLeft: place.margin(rows.map((row) => row.name)),
      marginRight: 64,
      marginTop: 20,
      marginBottom: 36,
      x: { domain, label: `${name}, %`, ...axis, ticks: place.width < 400 ? 3 : 6 },
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

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
