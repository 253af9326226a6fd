// How much the model's answers change when a layer is left out: measured, layer by layer, on texts.
import { keepLayers } from '../passes/student/keep-layers.ts';
import { Answers, type Measure } from './answers.ts';
import type { KnownModel } from './known-model.ts';
import type { Workshop } from './prune-works.ts';

/** Layers in the order in which they go, and how far the answers are from the original's without each and those before it. */
export interface LayerOrder {
  readonly gone: readonly number[];
  readonly distances: readonly number[];
  readonly measure: Measure;
}

/**
 * Leaves out `count` layers, one after the other: each time the one without which the answers stay nearest to the
 * original's.
 * Throws ModelError for a model whose layers cannot be told apart.
 */
export async function leastLayers(known: KnownModel, count: number, shop: Workshop): Promise<LayerOrder> {
  const answers = await Answers.of(known, shop, '--drop-layers');
  const layers = known.recognition.encoders[0]!.layers.length;
  const bar = shop.events.bar('looking at layers');
  const [gone, distances]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round < count; round++) {
      let best = { layer: -1, far: Infinity };
      for (let layer = 0; layer < layers; layer++) {
        if (gone.includes(layer)) continue;
        bar(round * layers + layer, count * layers);
        const kept = Array.from({ length: layers }, (_, i) => i).filter((i) => i !== layer && !gone.includes(i));
        const { model } = keepLayers.run(known.model, { layers: kept }, { log: shop.events.log, progress: () => {} });
        const far = await answers.distance(model);
        if (far < best.far) best = { layer, far };
      }
      gone.push(best.layer);
      distances.push(best.far);
    }
  } finally {
    answers.dispose();
  }
  return { gone, distances, measure: answers.measure };
}
