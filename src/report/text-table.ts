// A Table in a terminal: aligned, within its width; what does not fit beside each other stands below each other.
import chalk from 'chalk';
import { cutEnd, cutMiddle, padEnd, padStart, width, wrap } from './strings.ts';
import type { Column, Table } from './tables.ts';

const INDENT = '  ';
const GAP = 2;
/** Columns that prose and paths get at least. */
const LEAST = 20;

/** Lines, at most `columns` wide, the titles dim. Prose in the last column wraps; elsewhere it is cut. */
export function textTable({ columns: all, rows }: Table, columns: number): string[] {
  const last = all.length - 1;
  if (all[last]!.kind === 'prose') return draw(all, rows, columns, true);
  const natural = all.map((column, i) => Math.max(...[column.title, ...rows.map((row) => row[i]!)].map(width)));
  return blocks(all, natural, columns).flatMap((chosen, i) => [
    ...(i > 0 ? [''] : []),
    ...draw(
      chosen.map((k) => all[k]!),
      rows.map((row) => chosen.map((k) => row[k]!)),
      columns,
    ),
  ]);
}

/** Groups of columns that fit, each with the first column, which names the rows. */
function blocks(all: readonly Column[], natural: readonly number[], columns: number): number[][] {
  const least = natural.map((size, i) => (isFree(all[i]!) ? Math.min(size, LEAST) : size));
  const groups: number[][] = [];
  let [group, used] = [[0], least[0]! + INDENT.length];
  for (let i = 1; i < all.length; i++) {
    if (used + GAP + least[i]! > columns && group.length > 1) {
      groups.push(group);
      [group, used] = [[0], least[0]! + INDENT.length];
    }
    group.push(i);
    used += GAP + least[i]!;
  }
  return [...groups, group];
}

function isFree({ kind }: Column): boolean {
  return kind === 'prose' || kind === 'path';
}

/** `wraps`: prose in the last column goes on below itself. */
function draw(all: readonly Column[], rows: readonly (readonly string[])[], columns: number, wraps = false): string[] {
  const widths = fit(all, rows, columns);
  const hang = widths.slice(0, -1).reduce((sum, size) => sum + size + GAP, INDENT.length);
  const line = (cells: readonly string[]): string[] => {
    const fitted = cells.map((cell, i) => fitCell(cell, all[i]!, widths[i]!, wraps && i === all.length - 1));
    const [first = '', ...more] = fitted.at(-1)!;
    const head = fitted.slice(0, -1).map(([cell]) => cell!);
    return [
      `${INDENT}${[...head, first].join(' '.repeat(GAP))}`.trimEnd(),
      ...more.map((text) => `${' '.repeat(hang)}${text}`.trimEnd()),
    ];
  };
  const titles = all.map(({ title }) => title);
  return [...line(titles).map((text) => chalk.dim(text)), ...rows.flatMap(line)];
}

/** A cell as lines: one, unless it is prose at the end of its row. */
function fitCell(cell: string, { kind }: Column, size: number, last: boolean): string[] {
  if (kind === 'number') return [padStart(cell, size)];
  if (kind === 'path') return [padEnd(cutMiddle(cell, size), size)];
  if (kind === 'prose' && last) return wrap(cell, size);
  return [padEnd(kind === 'prose' ? cutEnd(cell, size) : cell, size)];
}

/** Widths: what is fixed gets what it needs, free columns share the rest, none more than it needs. */
function fit(all: readonly Column[], rows: readonly (readonly string[])[], columns: number): number[] {
  const widths = all.map((column, i) => Math.max(...[column.title, ...rows.map((row) => row[i]!)].map(width)));
  const total = (): number => widths.reduce((sum, size) => sum + size + GAP, INDENT.length - GAP);
  while (total() > columns) {
    const widest = widths.reduce(
      (best, size, i) => (isFree(all[i]!) && size > LEAST && (best < 0 || size > widths[best]!) ? i : best),
      -1,
    );
    if (widest < 0) break;
    const second = Math.max(LEAST, ...widths.filter((_, i) => isFree(all[i]!) && i !== widest));
    const over = total() - columns;
    widths[widest] = Math.max(widths[widest]! - over, widths[widest]! > second ? second : widths[widest]! - 1, LEAST);
  }
  return widths;
}
