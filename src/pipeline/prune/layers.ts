// Whole layers dropped: those named, or those without which the answers change least; or averaged into their neighbours.
import { UsageError } from '../../errors.ts';
import { keepLayers } from '../../passes/student/keep-layers.ts';
import { averageLayers } from '../../passes/structure/average-layers.ts';
import { withDistances } from './answers.ts';
import { leastLayers, type LayerOrder } from './least-layers.ts';
import { shapeOfLayers } from './shape.ts';
import { withModel, type Work } from './works.ts';

/** How many layers go, or which, counted from 0. */
export type DropChoice = number | readonly number[];

/** @param merge the weights of the layer before (of the first: behind) become the mean of its own and of those that go */
export function dropLayers(choice: DropChoice, merge: boolean): Work {
  return async (before, shop) => {
    const started = performance.now();
    const { known, shape } = before;
    const encoders = known.recognition.encoders.length || 1;
    const count = shape.origins.length / encoders;
    checkChoice(choice, count);
    const order = typeof choice === 'number' ? await withDistances(known, shop, (from) => leastLayers(known, choice, from, shop.events)) : undefined; // prettier-ignore
    const gone = new Set(typeof choice === 'number' ? order!.gone : choice);
    const kept = Array.from({ length: count }, (_, i) => i).filter((i) => !gone.has(i));
    const merged = merge ? averageLayers(known.model, known.recognition, groupsOf(kept, count)) : known.model;
    const { log, bar } = shop.events;
    const { model, changed, stats, skipped } = keepLayers.run(
      merged,
      { layers: kept },
      { log, progress: bar('layers') },
    );
    const step = {
      pass: merge ? 'merge-layers' : 'drop-layers',
      options: { layers: [...gone].sort((a, b) => a - b) },
      changed,
      stats: { ...stats },
      skipped: [...skipped],
      seconds: (performance.now() - started) / 1000,
    };
    const all = Array.from({ length: encoders }, (_, e) => kept.map((layer) => e * count + layer)).flat();
    return { ...withModel(before, model, step, notesOf(order)), shape: shapeOfLayers(shape, all) };
  };
}

function checkChoice(choice: DropChoice, count: number): void {
  const many = typeof choice === 'number' ? choice : choice.length;
  if (many < 1 || many >= count)
    throw new UsageError(`--drop-layers: expected 1 to ${count - 1} of the ${count} layers, found ${many}`);
  if (typeof choice === 'number') return;
  const wrong = choice.find((layer, i) => layer >= count || choice.indexOf(layer) !== i);
  if (wrong !== undefined)
    throw new UsageError(`--drop-layers: expected each of 0 to ${count - 1} at most once, found ${wrong}`);
}

/** Each layer that goes joins the last one kept before it, those before the first that one. */
function groupsOf(kept: readonly number[], count: number): number[][] {
  const groups = kept.map((layer) => [layer]);
  for (let i = 0; i < count; i++)
    if (!kept.includes(i))
      groups[
        Math.max(
          0,
          kept.findLastIndex((layer) => layer < i),
        )
      ]!.push(i);
  return groups;
}

function notesOf(order: LayerOrder | undefined): string[] {
  if (!order) return [];
  const each = order.gone.map((layer, i) => `${layer} (${order.distances[i]!.toFixed(3)})`).join(', ');
  return [`layers dropped one after the other, with the distance from the original then (${order.measure}): ${each}`];
}
