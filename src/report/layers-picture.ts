// Heads and neurons of each layer: as a table, and as bars in a terminal.
import chalk from 'chalk';
import { whole } from './figures.ts';
import type { Candidate, Structure } from './schema.ts';
import { padEnd, padStart, width } from './strings.ts';
import type { Table } from './tables.ts';
import { bar } from './text-bars.ts';

/** A row a layer. */
export function structureTable({ structure }: Pick<Candidate, 'structure'>): Table | undefined {
  if (!structure) return undefined;
  const titles = ['heads before', 'after', 'neurons before', 'after'];
  return {
    caption: 'Heads and feed-forward neurons by layer',
    columns: [{ title: 'layer', kind: 'word' }, ...titles.map((title) => ({ title, kind: 'number' }) as const)],
    rows: structure.layers.map(({ heads, ffn }, i) => [
      String(i),
      ...[heads.before, heads.after, ffn.before, ffn.after].map(whole),
    ]),
  };
}

/** Whose weights each layer reads, and whose bases its own are products with: a column a layer. Nothing where each has its own. */
export function sharingTable({ sharing = [] }: Pick<Candidate, 'sharing'>): Table | undefined {
  const weights = sharing.map(({ attention, ffn }) => ({ attention, ffn }));
  const bases = sharing.map(({ basis }, i) => basis ?? { attention: i, ffn: i });
  const others = (first: typeof weights): boolean =>
    first.some(({ attention, ffn }, i) => attention !== i || ffn !== i);
  const rowsOf = (of: string, first: typeof weights): string[][] =>
    others(first)
      ? [
          [`${of}attention`, ...first.map(({ attention }) => String(attention))],
          [`${of}feed-forward`, ...first.map(({ ffn }) => String(ffn))],
        ]
      : [];
  const rows = [...rowsOf('', weights), ...rowsOf('basis of ', bases)];
  if (rows.length === 0) return undefined;
  return {
    caption: 'Layers that share weights: the first layer whose weights, or basis, each one reads',
    columns: [
      { title: 'layer', kind: 'word' },
      ...sharing.map((_, i) => ({ title: String(i), kind: 'number' }) as const),
    ],
    rows,
  };
}

/** Heads and neurons as bars, at most `columns` wide; what went is drawn as dots. */
export function structureBars({ structure }: Pick<Candidate, 'structure'>, columns: number): string[] {
  if (!structure) return [];
  const { layers } = structure;
  const sides = [layers.map(({ heads }) => heads), layers.map(({ ffn }) => ffn)] as const;
  const notes = sides.map((side) => side.map(({ before, after }) => `${whole(after)} of ${whole(before)}`));
  const widest = (texts: readonly string[]): number => Math.max(...texts.map(width));
  const name = String(layers.length - 1).length;
  const room = Math.min(30, Math.floor((columns - name - widest(notes[0]!) - widest(notes[1]!) - 16) / 2));
  const cells = sides.map((side, s) => {
    const most = Math.max(...side.map(({ before }) => before));
    return side.map((count, i) => `${drawn(count, most, room)} ${padEnd(notes[s]![i]!, widest(notes[s]!))}`);
  });
  const title = `  ${padEnd('', name)}  ${padEnd('heads', width(cells[0]![0]!))}  feed-forward neurons`;
  return [
    chalk.dim(title),
    ...layers.map((_, i) => `  ${padStart(String(i), name)}  ${cells[0]![i]!}  ${cells[1]![i]!}`.trimEnd()),
  ];
}

function drawn({ before, after }: Structure['layers'][number]['heads'], most: number, room: number): string {
  const of = (count: number): number => (most === 0 ? 0 : (room * count) / most);
  const filled = after === 0 ? '' : bar(of(after));
  const gone = Math.max(0, Math.round(of(before)) - width(filled));
  return padEnd(filled + chalk.dim('·'.repeat(gone)), room);
}
