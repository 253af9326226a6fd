// The label names that a data file has, in the order that becomes the model's ids.
import type { Row } from '../data/dataset.ts';
import { namesIn } from '../evaluate/label-lists.ts';
import type { FitTask } from './fit-task.ts';

/** Each label of the rows with how often it stands there, in the order of first mention. */
export function countLabels(task: FitTask, rows: readonly Row[], path: string): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (label: string): void => void counts.set(label, (counts.get(label) ?? 0) + 1);
  for (const row of rows) {
    if (task === 'token-classification') row.tags?.forEach(add);
    else if (task === 'multi-label-classification') new Set(namesOf(row, path)).forEach(add);
    else if (row.label !== undefined) add(row.label);
  }
  return counts;
}

/** Labels of a row that may have several. @throws DataError for a list that is none */
export function namesOf(row: Row, path: string): string[] {
  const listed = row.labels ?? namesIn(path, row);
  return listed.map((name) => name.trim()).filter((name) => name !== '');
}

/**
 * The names in the order of their ids: as the file says, whole numbers by size, tags with O first, else by alphabet.
 * @param known names that the file itself has for its class numbers
 */
export function orderLabels(labels: Iterable<string>, known?: readonly string[]): string[] {
  const found = [...labels];
  if (known && found.every((label) => known.includes(label))) return [...known];
  if (found.every((label) => /^-?\d+(\.0+)?$/.test(label))) return found.toSorted((a, b) => Number(a) - Number(b));
  const first = (label: string): number => (label === 'O' ? 0 : 1);
  return found.toSorted((a, b) => first(a) - first(b) || (a < b ? -1 : 1));
}
