// Bars of models and of parts: what several plots share.
import { CHARACTER, Plot, type Place } from './plot.ts';

export const BEFORE = 'var(--before)';
export const AFTER = 'var(--after)';
export const INK = 'var(--ink)';
export const PAPER = 'var(--paper)';
/** Height of a row of a plot, pixels. */
export const ROW = 24;
/** Units stand right under the ticks. */
export const axis = { labelArrow: 'none', labelOffset: 32 } as const;
/** Behind text, so that lines do not run through it. */
export const halo = { fill: INK, stroke: PAPER, strokeWidth: 3 } as const;

/** A row a name, the notes at the right. */
function rowsFrame(
  rows: readonly { readonly name: string; readonly note: string }[],
  unit: string,
  place: Place,
  padding: number,
): Plot.PlotOptions {
  const names = rows.map(({ name }) => name);
  return {
    height: rows.length * ROW + 40,
    marginLeft: place.margin(names),
    marginRight: 12 + CHARACTER * Math.max(...rows.map(({ note }) => note.length)),
    marginTop: 4,
    marginBottom: 36,
    x: { label: unit, nice: true, ...axis, ticks: place.width < 400 ? 3 : 6 },
    y: { domain: names, label: null, tickFormat: place.label, tickSize: 0, padding },
  };
}

/** A row of a plot in which the original and one candidate lie over each other. */
export interface Pair {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  readonly note: string;
}

/** Bars of the original, and inside them, thinner, those of the candidate. */
export function pairBars(rows: readonly Pair[], unit: string, place: Place): Plot.PlotOptions {
  const y = (row: Pair): string => row.name;
  return {
    ...rowsFrame(rows, unit, place, 0.25),
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

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly note: string;
  readonly fill: string;
  readonly range?: readonly [number, number] | undefined;
}

/** A bar a model, its figure at the end, its interval over it. */
export function bars(rows: readonly Bar[], unit: string, place: Place): Plot.PlotOptions {
  const ranged = rows.filter(({ range }) => range);
  const y = (row: Bar): string => row.name;
  return {
    ...rowsFrame(rows, unit, place, 0.3),
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
