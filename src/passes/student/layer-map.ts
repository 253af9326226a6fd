// Which layer of the teacher each layer of the student learns from.
import { UsageError } from '../../errors.ts';
import { keptLayers } from './layer-list.ts';

/** Spread evenly, the last ones, or pairs [student, teacher] counted from 0. */
export type LayerMapChoice = 'even' | 'last' | readonly (readonly [student: number, teacher: number])[];

/**
 * Pairs [student, teacher] of layers. even: the last layer of each of as many equal parts of the teacher; last: the last
 * layers one by one. Throws UsageError.
 */
export function layerMap(choice: LayerMapChoice, student: number, teacher: number): [number, number][] {
  if (typeof choice !== 'string') {
    if (choice.length === 0) throw new UsageError('--layer-map: expected pairs of layers, found none');
    const wrong = choice.find(([s, t]) => !(s >= 0 && s < student && t >= 0 && t < teacher));
    if (wrong)
      throw new UsageError(
        `--layer-map: expected student layers 0 to ${student - 1} and teacher layers 0 to ${teacher - 1}, found ${wrong.join(':')}`,
      );
    return choice.map(([s, t]) => [s, t]);
  }
  if (student > teacher)
    throw new UsageError(
      `--layer-map ${choice}: expected at most the teacher's ${teacher} layers, found a student of ${student}: give the pairs`,
    );
  const from =
    choice === 'even' ? keptLayers(student, teacher) : Array.from({ length: student }, (_, i) => teacher - student + i);
  return from.map((t, s) => [s, t]);
}
