// The search against trying everything.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/math/random.ts';
import { byRank, byScore, curveOf, keptOf } from '../../../src/passes/prune/removal.ts';
import { cheapest, type Curve } from '../../../src/passes/prune/search.ts';

/** Least loss within the budget over all combinations. */
function bruteForce(curves: readonly Curve[], most: number, at = 0, spent = 0): number {
  if (spent > most + 1e-9) return Infinity;
  if (at === curves.length) return 0;
  const { loss, cost, choices } = curves[at]!;
  return Math.min(...choices.map((kept) => loss[kept]! + bruteForce(curves, most, at + 1, spent + cost[kept]!)));
}

describe('cheapest', () => {
  it('finds the optimum where losses are of any form and costs are whole steps', () => {
    const random = createRandom(5);
    for (let trial = 0; trial < 40; trial++) {
      const curves = Array.from({ length: 4 }, (): Curve => {
        const units = 1 + random.below(5);
        const unit = 1 + random.below(9);
        return {
          loss: Float64Array.from({ length: units + 1 }, () => random.uniform()),
          cost: Float64Array.from({ length: units + 1 }, (_, kept) => kept * unit),
          choices: Array.from({ length: units + 1 }, (_, kept) => kept),
        };
      });
      const most = 1 + random.below(64);
      const kept = cheapest(curves, most)!;
      const sum = (of: 'loss' | 'cost'): number => kept.reduce((total, count, i) => total + curves[i]![of][count]!, 0);
      expect(sum('cost')).toBeLessThanOrEqual(most + 1e-9);
      expect(sum('loss')).toBeCloseTo(bruteForce(curves, most), 9);
    }
  });

  it('gives nothing where the least that may be kept costs more', () => {
    const curve = { loss: Float64Array.of(1, 0), cost: Float64Array.of(3, 5), choices: [0, 1] };
    expect(cheapest([curve, curve], 5)).toBeUndefined();
    expect(cheapest([curve, curve], 6)).toEqual([0, 0]);
    expect(cheapest([curve, curve], 8)?.toSorted()).toEqual([0, 1]);
  });
});

describe('curves', () => {
  it('keep what scores highest, in multiples', () => {
    const removal = byScore(Float64Array.of(3, 1, 2, 5));
    expect([...removal.order]).toEqual([1, 2, 0, 3]);
    const { loss, cost, choices } = curveOf(removal, (kept) => 10 * kept, 1, 2);
    expect([...loss]).toEqual([11, 6, 3, 1, 0]);
    expect([...cost]).toEqual([0, 10, 20, 30, 40]);
    expect(choices).toEqual([2, 4]);
    expect(keptOf(removal, 2)).toEqual([0, 3]);
  });

  it('of ranks take the same share of heads and of neurons', () => {
    const random = createRandom(2);
    const scores = [10, 40].map((units) => Float64Array.from({ length: units }, () => random.uniform()));
    const costs = [8, 1];
    const curves = byRank(scores.slice(0, 1), [8]).concat(byRank(scores.slice(1), [1])).map((removal, i) => curveOf(removal, (kept) => kept * costs[i]!, 0, 1)); // prettier-ignore
    expect(cheapest(curves, 60)).toEqual([5, 20]);
  });
});
