// Plots of what a model is made of: size by part, time by operator, memory.
import { bytes } from '../figures.ts';
import type { Report } from '../schema.ts';
import { originalName, partsTable, profileTable, shape, type Named } from '../tables.ts';
import { AFTER, bars, BEFORE, pairBars, type Pair } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { figureMarkup } from './plot.ts';

/** Operators drawn; the table under the plot has all. */
const OPERATORS = 10;

const beforeAndAfter = html`<span class="key before">before</span> and <span class="key after">after</span>`;

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
  const rows = ops.slice(0, OPERATORS).map((row) => ({ ...row, note: span(row) }));
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

function span({ before, after }: Pair): string {
  if (before === 0) return `${after.toFixed(1)}, new`;
  return after === 0 ? `${before.toFixed(1)}, gone` : `${before.toFixed(1)} to ${after.toFixed(1)}`;
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
