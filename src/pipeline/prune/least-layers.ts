// The layers without which a model's answers change least, found by leaving each out.
import { keepLayers } from '../../passes/student/keep-layers.ts';
import type { KnownModel } from '../known-model.ts';
import { answersOf, distanceOf, questionsFor } from './answers.ts';
import type { Workshop } from './works.ts';
import { Scratch } from '../learn/training.ts';

/** Layers in the order in which they go, and how far the answers are from the original's without each and those before it. */
export interface LayerOrder {
  readonly gone: readonly number[];
  readonly distances: readonly number[];
  /** What the distance is. */
  readonly measure: 'KL divergence, nats' | '1 - cosine of the last hidden states';
}

/**
 * Leaves out `count` layers, one after the other: each time the one without which the answers stay nearest to the
 * original's.
 * Throws ModelError for a model whose layers cannot be told apart.
 */
export async function leastLayers(known: KnownModel, count: number, shop: Workshop): Promise<LayerOrder> {
  const { options, events } = shop;
  const questions = await questionsFor(known, shop);
  const layers = Array.from(known.recognition.encoders[0]!.layers.keys());
  const bar = events.bar('leaving out layers');
  const scratch = new Scratch();
  const [gone, distances]: [number[], number[]] = [[], []];
  try {
    const wanted = await answersOf(known.model, questions, scratch, options);
    const without = async (layer: number): Promise<number> => {
      const kept = layers.filter((i) => i !== layer && !gone.includes(i));
      const { model } = keepLayers.run(known.model, { layers: kept }, { log: events.log, progress: () => {} });
      return distanceOf(wanted, await answersOf(model, questions, scratch, options), questions);
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
  } finally {
    scratch.dispose();
  }
  const measure = questions.scores.length > 0 ? 'KL divergence, nats' : '1 - cosine of the last hidden states';
  return { gone, distances, measure };
}
