// Plots of a pruned model: heads and neurons by layer, and the curve of the metric against multiply-adds.
import { factor, metricName, percent, whole } from '../figures.ts';
import { structureTable } from '../layers-picture.ts';
import { macsShare } from '../structure.ts';
import type { Named, Table } from '../tables.ts';
import { AFTER, axis, BEFORE, halo, INK, pairBars, PAPER, type Pair } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { figureMarkup, Plot, type Place } from './plot.ts';

const beforeAndAfter = html`<span class="key before">before</span> and <span class="key after">after</span>`;

/** Heads and neurons of each layer, before and after. */
export function structureFigures(one: Named): Markup[] {
  const { structure } = one;
  if (!structure) return [];
  const sides = [
    ['heads', 'Attention heads', structure.layers.map(({ heads }) => heads), undefined],
    ['neurons', 'Feed-forward neurons', structure.layers.map(({ ffn }) => ffn), structureTable(one)],
  ] as const;
  return sides.map(([unit, title, counts, data]) => {
    const rows = counts.map(({ before, after }, i): Pair => ({
      name: `layer ${i}`,
      before,
      after,
      note: whole(after),
    }));
    return figureMarkup({
      name: `Bars of ${unit} by layer, before and after: ${rows.map(({ name, before, after }) => `${name} ${before} to ${after}`).join(', ')}.`,
      caption: html`<p>${title} of each layer, ${beforeAndAfter}.</p>`,
      draw: (place) => pairBars(rows, unit, place),
      data,
    });
  });
}

interface Point {
  readonly name: string;
  readonly share: number;
  readonly value: number;
  readonly knee: boolean;
  readonly note: string;
}

/** The metric against the multiply-adds that are left; nothing for fewer than two models. */
export function curveFigure(candidates: readonly Named[]): Markup | undefined {
  const first = candidates.find(({ accuracy }) => accuracy)?.accuracy;
  const points = candidates.flatMap((one): Point[] => {
    const share = macsShare(one);
    if (share === undefined || !one.accuracy) return [];
    const { name, knee = false, latency = [] } = one;
    const note = latency
      .map(({ batch, sequence, speedup }) => `${factor(speedup)} at ${batch} x ${sequence}`)
      .join(', ');
    return [{ name, share: 100 * share, value: 100 * one.accuracy.after, knee, note }];
  });
  if (!first || points.length < 2) return undefined;
  const metric = metricName(first.metric);
  const all = [{ name: 'original', share: 100, value: 100 * first.before, knee: false, note: '' }, ...points];
  return figureMarkup({
    name: `${metric} against multiply-adds: ${all.map(({ share, value, knee }) => `${share.toFixed(0)} % ${value.toFixed(2)} %${knee ? ' (knee)' : ''}`).join(', ')}.`,
    caption: html`<p>
      ${metric} against the multiply-adds that are left. <span class="key round before">Grey</span>: the
      original.${points.some(({ knee }) => knee) && ' The ring marks the knee: from there on the metric falls faster than the multiply-adds.'}
    </p>`,
    draw: (place) => drawing(all, metric, place),
    data: table(points, metric),
  });
}

function drawing(points: readonly Point[], metric: string, place: Place): Plot.PlotOptions {
  const phone = place.width < 400;
  const dots = { x: 'share', y: 'value', r: 5 } as const;
  const least = Math.min(...points.map(({ share }) => share));
  return {
    height: phone ? 260 : 320,
    marginLeft: 52,
    marginRight: 24,
    marginTop: 24,
    marginBottom: 40,
    x: { label: 'multiply-adds left, %', ...axis, labelOffset: 38, domain: [Math.max(0, least - 5), 102] },
    y: { label: `${metric}, %`, ...axis, ticks: 5, nice: true },
    marks: [
      Plot.line(
        points.toSorted((a, b) => a.share - b.share),
        { x: 'share', y: 'value', stroke: AFTER, strokeOpacity: 0.5 },
      ),
      Plot.dot(points.slice(1), { ...dots, fill: AFTER }),
      Plot.dot(points.slice(0, 1), { ...dots, fill: BEFORE }),
      Plot.dot(
        points.filter(({ knee }) => knee),
        { ...dots, r: 10, stroke: INK, fill: 'none' },
      ),
      Plot.text(points, {
        x: 'share',
        y: 'value',
        text: (row: Point) => (row.knee ? `knee ${row.value.toFixed(1)}` : row.value.toFixed(1)),
        dy: 18,
        ...halo,
        stroke: PAPER,
      }),
    ],
  };
}

function table(points: readonly Point[], metric: string): Table {
  return {
    caption: `${metric} against multiply-adds`,
    columns: [
      { title: 'model', kind: 'path' },
      { title: 'multiply-adds left', kind: 'number' },
      { title: metric, kind: 'number' },
      { title: 'speedup', kind: 'prose' },
      { title: '', kind: 'word' },
    ],
    rows: points.map(({ name, share, value, knee, note }) => [
      name,
      percent(share / 100, 1),
      percent(value / 100),
      note,
      knee ? 'knee' : '',
    ]),
  };
}
