// From a table's row to an example, or to the reason why it is none.
import type { Columns } from './columns.ts';
import type { Row } from './dataset.ts';
import { textOfCell } from './guess-columns.ts';
import type { Cell, TableRow } from './table.ts';

/**
 * The example in a row, or why there is none.
 * @param width fields that every row must have; undefined where that is left open
 */
export function useRow(row: TableRow, columns: Columns, width: number | undefined): Row | string {
  const { fields, line } = row;
  if (width !== undefined && fields.length !== width) return `expected ${width} fields, found ${fields.length}`;
  const text = textOfCell(fields[columns.text]);
  if (text.trim() === '') return 'no text';
  const parts = [
    pairOf(columns.textPair, fields),
    labelOf(columns.label, fields),
    tagsOf(columns, fields),
    answersOf(columns.answers, fields),
  ];
  const wrong = parts.find((part) => typeof part === 'string');
  return wrong ?? Object.assign({ line, text }, ...parts);
}

type Fields = readonly Cell[];
type Part = Partial<Row> | string;

function pairOf(column: number | undefined, fields: Fields): Part {
  if (column === undefined) return {};
  const textPair = textOfCell(fields[column]);
  return textPair.trim() === '' ? 'no second text' : { textPair };
}

/** A list may be empty: no label applies. */
function labelOf(column: number | undefined, fields: Fields): Part {
  if (column === undefined) return {};
  const cell = fields[column];
  if (typeof cell === 'object') return { label: cell.join('|'), labels: cell };
  const label = cell?.trim() ?? '';
  return label === '' ? 'no label' : { label };
}

/** Words and a tag for each; as text both are separated by white space. */
function tagsOf(columns: Columns, fields: Fields): Part {
  if (columns.tags === undefined) return {};
  const [words, tags] = [listOf(fields[columns.text]), listOf(fields[columns.tags])];
  if (tags.length === 0) return 'no tags';
  if (tags.length !== words.length) return `expected a tag a word, found ${words.length} words and ${tags.length} tags`;
  return { words, tags };
}

function listOf(cell: Cell): readonly string[] {
  return typeof cell === 'object' ? cell : (cell ?? '').split(/\s+/).filter((word) => word !== '');
}

/** An empty list says that the question cannot be answered; an empty text says nothing. */
function answersOf(column: number | undefined, fields: Fields): Part {
  if (column === undefined) return {};
  const cell = fields[column];
  if (typeof cell === 'object') return { answers: cell };
  return cell === undefined || cell === ''
    ? 'no answers (a question without an answer has an empty list)'
    : { answers: [cell] };
}
