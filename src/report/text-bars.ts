// Latency as bars in a terminal: one group a shape, each drawn to its own scale, told apart by words, not by colour.
import chalk from 'chalk';
import { factor, ms } from './figures.ts';
import { cutMiddle, padEnd, padStart, width } from './strings.ts';
import { latencyAt, shapesOf, type Named } from './tables.ts';

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `size` columns, to an eighth of one; never nothing. */
export function bar(size: number): string {
  const eighths = Math.max(1, Math.round(size * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}

interface Bar {
  readonly name: string;
  readonly ms: number;
  readonly note: string;
}

/** Lines at most `columns` wide; none where no latency was measured. */
export function latencyBars(candidates: readonly Named[], columns: number): string[] {
  const shapes = shapesOf(candidates);
  if (shapes.length === 0) return [];
  const single = candidates.length === 1;
  const groups = shapes.map((shape) => {
    const rows = candidates.flatMap((one) => {
      const row = latencyAt(one, shape);
      return row
        ? [{ name: single ? 'after' : one.name, ms: row.afterMs, note: factor(row.speedup), before: row.beforeMs }]
        : [];
    });
    const before = rows.map((row) => row.before).sort((a, b) => a - b)[Math.floor((rows.length - 1) / 2)]!;
    return { shape, bars: [{ name: single ? 'before' : 'original', ms: before, note: '' }, ...rows] };
  });
  const every: Bar[] = groups.flatMap(({ bars }) => bars);
  const widest = (text: (bar: Bar) => string): number => Math.max(...every.map((one) => width(text(one))));
  const sizes = {
    shape: Math.max(...shapes.map(width)),
    name: Math.min(
      widest((one) => one.name),
      28,
    ),
    ms: widest((one) => ms(one.ms)),
    note: widest((one) => one.note),
  };
  const room = Math.min(columns - sizes.shape - sizes.name - sizes.ms - sizes.note - 10, 60);
  return [
    chalk.dim('  median latency, batch x tokens; each shape to its own scale'),
    ...groups.flatMap(({ shape, bars }) => {
      const longest = Math.max(...bars.map((one) => one.ms));
      return bars.map((one, i) =>
        [
          `  ${padEnd(i === 0 ? shape : '', sizes.shape)}`,
          padEnd(cutMiddle(one.name, sizes.name), sizes.name),
          padEnd(bar((room * one.ms) / longest), room),
          padStart(ms(one.ms), sizes.ms),
          one.note,
        ]
          .join('  ')
          .trimEnd(),
      );
    }),
  ];
}
