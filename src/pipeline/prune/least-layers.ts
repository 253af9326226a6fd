// The layers without which a model's answers change least, found by leaving each out.
import { keepLayers } from '../../passes/student/keep-layers.ts';
import type { Events } from '../events.ts';
import type { KnownModel } from '../known-model.ts';
import type { Distances } from './answers.ts';

/** Layers in the order in which they go, and how far the answers are from the original's without each and those before it. */
export interface LayerOrder {
  readonly gone: readonly number[];
  readonly distances: readonly number[];
  readonly measure: Distances['measure'];
}

/**
 * Leaves out `count` layers, one after the other: each time the one without which the answers stay nearest to the
 * original's.
 * @param from the distances from the model
 * @throws ModelError for a model whose layers cannot be told apart
 */
export async function leastLayers(
  known: KnownModel,
  count: number,
  from: Distances,
  events: Events,
): Promise<LayerOrder> {
  const layers = Array.from(known.recognition.encoders[0]!.layers.keys());
  const bar = events.bar('leaving out layers');
  const [gone, distances]: [number[], number[]] = [[], []];
  const without = (layer: number): Promise<number> => {
    const kept = layers.filter((i) => i !== layer && !gone.includes(i));
    return from.to(keepLayers.run(known.model, { layers: kept }, { log: events.log, progress: () => {} }).model);
  };
  for (let round = 0; round < count; round++) {
    const left = layers.filter((layer) => !gone.includes(layer));
    let best = { layer: left[0]!, far: Infinity };
    for (const layer of left) {
      const far = await without(layer);
      if (far < best.far) best = { layer, far };
      bar(round * layers.length + layer + 1, count * layers.length);
    }
    gone.push(best.layer);
    distances.push(best.far);
  }
  return { gone, distances, measure: from.measure };
}
