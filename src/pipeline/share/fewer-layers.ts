// Whether a user would be better served by fewer layers of their own: about as few parameters, and faster.
import type { KnownModel } from '../known-model.ts';
import { withDistances } from '../prune/answers.ts';
import { leastLayers } from '../prune/least-layers.ts';
import type { Workshop } from '../prune/works.ts';

/**
 * A note with both distances from the original, before any healing; none where no number of layers has so few parameters.
 * @param left share of the layers' parameters that sharing left
 */
export async function fewerLayers(
  original: KnownModel,
  shared: KnownModel,
  left: number,
  shop: Workshop,
): Promise<string[]> {
  const { encoders } = original.recognition;
  const layers = encoders[0]?.layers.length ?? 0;
  const fewer = Math.max(1, Math.round(left * layers));
  if (encoders.length !== 1 || fewer >= layers) return [];
  const { far, order } = await withDistances(original, shop, async (from) => ({
    far: await from.to(shared.model),
    order: await leastLayers(original, layers - fewer, from, shop.events),
  }));
  const { gone, distances, measure } = order;
  const without = distances.at(-1)!;
  const times = (layers / fewer).toFixed(1);
  const advice =
    without < far
      ? `nearer: prune --drop-layers ${gone.length} or distill --layers ${fewer} would serve you better`
      : `further: compare prune --drop-layers ${gone.length} where speed counts too`;
  return [
    `${(100 * left).toFixed(0)} % of the layers' parameters are left; before healing the answers are ${far.toFixed(3)} from the original's (${measure}); ${fewer} of the ${layers} layers have about as many, are ${times} times as fast, and are ${without.toFixed(3)} from them, ${advice}`,
  ];
}
