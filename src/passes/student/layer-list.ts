// Which layers a student keeps: a count spread evenly, or numbers as given.
import { UsageError } from '../../errors.ts';

/** Layers to keep: how many, or which, counted from 0. */
export type LayerChoice = number | readonly number[];

/**
 * Numbers of the layers kept, ascending. Of n layers a count k keeps round((i + 1) n / k) - 1 for i below k, halves
 * rounded to even as Python does: the last layer of each of k equal parts (DistilBERT, TinyBERT's g(m) = m n / k).
 * @throws UsageError for a choice that the teacher's layers do not allow
 */
export function keptLayers(choice: LayerChoice, layers: number): number[] {
  if (typeof choice === 'number') {
    if (choice < 1 || choice > layers)
      throw new UsageError(`--layers: expected 1 to ${layers}, the teacher's layers, found ${choice}`);
    return Array.from({ length: choice }, (_, i) => roundHalfToEven(((i + 1) * layers) / choice) - 1);
  }
  const kept = [...choice].sort((a, b) => a - b);
  const wrong = kept.find((layer) => layer < 0 || layer >= layers);
  if (kept.length === 0 || wrong !== undefined)
    throw new UsageError(`--layers: expected numbers from 0 to ${layers - 1}, found ${wrong ?? 'none'}`);
  const twice = kept.find((layer, i) => layer === kept[i - 1]);
  if (twice !== undefined) throw new UsageError(`--layers: expected each layer once, found ${twice} twice`);
  return kept;
}

function roundHalfToEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}
