// Which layers share: as the option says it, and whether the model has them.
import { UsageError } from '../../errors.ts';

/** Layers of one set of weights, in ascending order. */
export type Group = readonly number[];

/**
 * `neighbours:3` makes three groups of neighbouring layers, as even as can be; `0-1,2-3,5` names them: a layer in none stays alone.
 * Throws UsageError.
 */
export function parseGroups(text: string, layers: number): Group[] {
  const neighbours = /^neighbours:(\d+)$/.exec(text.trim());
  if (neighbours) return evenGroups(Number(neighbours[1]), layers);
  const groups = text.split(',').map((part) => parseGroup(part, layers));
  const seen = new Set<number>();
  for (const layer of groups.flat()) {
    if (seen.has(layer)) throw wrong(`layer ${layer} in one group`, `it in two: '${text}'`);
    seen.add(layer);
  }
  return groups.filter((group) => group.length > 1);
}

/** A range 0-2, or layers with + between them: 0+3+5. */
function parseGroup(part: string, layers: number): number[] {
  const range = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(part)?.slice(1).map(Number);
  const list = /^\s*\d+(\s*\+\s*\d+)*\s*$/.test(part) ? part.split('+').map(Number) : undefined;
  const group = range ? Array.from({ length: range[1]! - range[0]! + 1 }, (_, i) => range[0]! + i) : list;
  if (!group || group.length === 0) throw wrong('groups such as 0-1,2-3 or 0+3 or neighbours:3 or auto', `'${part}'`);
  const missing = group.find((layer) => layer >= layers);
  if (missing !== undefined) throw wrong(`layers 0 to ${layers - 1}`, `${missing}`);
  return group.toSorted((a, b) => a - b);
}

/** @param count of groups */
export function evenGroups(count: number, layers: number): Group[] {
  if (count < 1 || count >= layers)
    throw wrong(`fewer groups than the ${layers} layers, at least one`, `neighbours:${count}`);
  const edge = (i: number): number => Math.round((i * layers) / count);
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: edge(i + 1) - edge(i) }, (_, k) => edge(i) + k),
  ).filter((group) => group.length > 1);
}

function wrong(expected: string, found: string): UsageError {
  return new UsageError(`--groups: expected ${expected}, found ${found}`);
}
