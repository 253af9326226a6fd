import { describe, expect, it } from 'vitest';
import { cheapest, type Merge } from '../../../src/pipeline/share/choose.ts';

const merge = (layer: number, distance: number, saves: number): Merge => ({ part: 'ffn', layer, distance, saves });
const layersOf = (merges: readonly Merge[]): number[] => merges.map(({ layer }) => layer).sort();

describe('cheapest', () => {
  const merges = [merge(1, 0.01, 10), merge(2, 0.3, 20), merge(3, 0.03, 5), merge(4, 0.9, 10)];

  it('takes those that move the answers least for what they save', () => {
    expect(layersOf(cheapest(merges, 10))).toEqual([1]);
    expect(layersOf(cheapest(merges, 15))).toEqual([1, 3]);
  });

  it('gives back what the last one made needless', () => {
    // 1, 3 and 2 save 35; without 3 it is 30
    expect(layersOf(cheapest(merges, 30))).toEqual([1, 2]);
    expect(layersOf(cheapest(merges, 31))).toEqual([1, 2, 3]);
  });
});
