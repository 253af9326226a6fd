// A Table as HTML: captioned, its rows and columns named, in a box of its own that scrolls where it is too wide.
import type { Column, Table } from '../tables.ts';
import { html, type Markup } from './markup.ts';

const classes: Readonly<Record<Column['kind'], string>> = { number: 'n', word: 'w', path: 'w', prose: 'p' };

/** `hideCaption`: where a heading says the same. */
export function tableMarkup(table: Table, hideCaption = false): Markup {
  const { caption, columns, rows } = table;
  // a column of words whose title is empty would leave its header without a name
  const head = columns.map(({ title, kind }) =>
    title ? html`<th scope="col" class="${classes[kind]}">${title}</th>` : html`<td></td>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr>
        ${row.map((cell, i) => (i === 0 ? html`<th scope="row" class="${cellClass(columns[0]!, cell)}">${isolated(cell)}</th>` : html`<td class="${cellClass(columns[i]!, cell)}">${isolated(cell)}</td>`))}
      </tr>`,
  );
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption${hideCaption && html` class="hidden"`}>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Text of the user may run right to left: its direction stays within its cell. */
function isolated(cell: string): Markup | string {
  return /[\u0590-\u08ff]/.test(cell) ? html`<bdi>${cell}</bdi>` : cell;
}

/** Short names stay on one line. */
const LONG = 40;

function cellClass({ kind, title }: Column, cell: string): string {
  const word = title === 'verdict' || title === 'Pareto' ? ` ${cell.replace(/\W+/g, '-')}` : '';
  return (kind !== 'number' && cell.length > LONG ? classes.prose : classes[kind]) + word;
}
