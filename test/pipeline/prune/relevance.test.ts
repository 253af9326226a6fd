// Which tokens count behind the last layer.
import { describe, expect, it } from 'vitest';
import { sortedBatches } from '../../../src/objectives/sorted-batches.ts';
import { tokenShares } from '../../../src/pipeline/prune/relevance.ts';
import { tinyBert } from '../../support/bert.ts';
import { feedingOf, partsOf, samplesOf, withSessions } from './support.ts';

describe('tokenShares', () => {
  it('are all of the first token where the classifier reads that alone, of all tokens a layer before', async () => {
    const model = tinyBert({ heads: 4, ffn: 8 });
    const { sites } = partsOf(model);
    const batches = await sortedBatches(samplesOf(6), undefined, feedingOf(model), 0);
    await withSessions(async (open) => {
      const [last, before] = [sites.at(-1)!, sites.at(-3)!];
      const [first] = await tokenShares(model, last.sum, ['logits'], batches, open);
      const { mask, sequence } = batches[0]!.padded;
      first!.forEach((share, i) => expect(share).toBeCloseTo(i % sequence === 0 ? 1 : 0, 6));
      const [all] = await tokenShares(model, before.sum, ['logits'], batches, open);
      all!.forEach((share, i) => (mask[i] === 0 ? expect(share).toBe(0) : expect(share).toBeGreaterThan(0)));
      for (let row = 0; row < all!.length; row += sequence)
        expect(all!.subarray(row, row + sequence).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    });
  });
});
