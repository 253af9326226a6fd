// From the labels of a data file to class ids of the model: by the config's names, or as integers.
import type { Row } from '../data/dataset.ts';
import { DataError } from '../errors.ts';

/** How many names a message lists. */
const listed = 8;

/** Gives the class id of a label. */
export interface LabelReader {
  /**
   * The label is looked up among the names as written, then without regard to case, then taken as an integer id.
   * @throws DataError with the line of a label that is none of these
   */
  (row: Row, label?: string): number;
}

/**
 * @param path the data file, for messages
 * @param names label names in order of their ids; with none, every label must be an integer
 */
export function labelReader(path: string, names: readonly string[]): LabelReader {
  const exact = new Map(names.map((name, id) => [name, id]));
  const folded = new Map(names.map((name, id) => [name.toLowerCase(), id]));
  return (row, label = row.label ?? '') => {
    const id = exact.get(label) ?? folded.get(label.toLowerCase()) ?? integerOf(label);
    if (id === undefined || (names.length > 0 && id >= names.length)) {
      throw new DataError(`${path} line ${row.line}: expected ${expected(names)}, found label '${label}'`);
    }
    return id;
  };
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
