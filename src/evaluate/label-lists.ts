// From what a data file says of a row's several labels to class ids of the model.
import type { Row } from '../data/dataset.ts';
import { DataError } from '../errors.ts';
import { labelReader } from './labels.ts';

/** What divides names in one field; a field that is itself a name is not divided. */
const dividers = ['|', ','];

/**
 * Gives the class ids of a row, ascending, each once. The labels are a list of the file, or a text: a JSON list,
 * `joy|love`, `joy,love` or a single name. Empty names count for nothing, so that `[]`, `['']` and `|` are no label.
 * @param path the data file, for messages
 * @param names label names in order of their ids; with none, every label must be an integer
 * @throws DataError with the line of a label that is no class
 */
export function labelListReader(path: string, names: readonly string[]): (row: Row) => Int32Array {
  const read = labelReader(path, names);
  const known = new Set(names);
  return (row) => {
    const listed = row.labels ?? namesIn(path, row, known);
    const ids = listed.map((name) => name.trim()).filter((name) => name !== '');
    return Int32Array.from(new Set(ids.map((name) => read(row, name)))).sort();
  };
}

/** Names in a field: those of a JSON list, or what stands between dividers. @throws DataError for a list that is none */
export function namesIn(path: string, { label = '', line }: Row, known?: ReadonlySet<string>): readonly string[] {
  if (known?.has(label)) return [label];
  if (label.startsWith('[')) return jsonNames(path, line, label);
  const divider = dividers.find((one) => label.includes(one));
  return divider === undefined ? [label] : label.split(divider);
}

function jsonNames(path: string, line: number, label: string): string[] {
  try {
    const list: unknown = JSON.parse(label);
    if (Array.isArray(list)) return list.map(String);
  } catch {
    // said below
  }
  throw new DataError(`${path} line ${line}: expected a JSON list of labels, found '${label}'`);
}
