// From the labels of a data file to class ids of the model: by the config's names, or as integers.
import { DataError } from '../errors.ts';
import type { Dataset } from '../data/rows.ts';

/** How many names a message lists. */
const listed = 8;

/**
 * Class id of every row. A label is looked up among the names as written, then without regard to case, then taken as
 * an integer id.
 * @param names label names in order of their ids; with none, every label must be an integer
 * @throws DataError with the line of the first label that is none of these
 */
export function readLabels(dataset: Dataset, names: readonly string[]): Int32Array {
  const exact = new Map(names.map((name, id) => [name, id]));
  const folded = new Map(names.map((name, id) => [name.toLowerCase(), id]));
  return Int32Array.from(dataset.rows, (row) => {
    const label = row.label ?? '';
    const id = exact.get(label) ?? folded.get(label.toLowerCase()) ?? integerOf(label);
    if (id === undefined || (names.length > 0 && id >= names.length)) {
      throw new DataError(`${dataset.path} line ${row.line}: expected ${expected(names)}, found label '${label}'`);
    }
    return id;
  });
}

/** '3' and '3.0' are 3. */
function integerOf(label: string): number | undefined {
  return /^\d+(\.0+)?$/.test(label) ? Number(label) : undefined;
}

function expected(names: readonly string[]): string {
  if (names.length === 0) return 'an integer class id (the model names no labels)';
  const more = names.length > listed ? ' …' : '';
  return `one of ${names.slice(0, listed).join(', ')}${more} or 0 to ${names.length - 1}`;
}
