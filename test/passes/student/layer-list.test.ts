// Which layers are kept, against Python's round((i + 1) * n / k) - 1, and which are refused.
import { describe, expect, it } from 'vitest';
import { keptLayers } from '../../../src/passes/student/layer-list.ts';
import { layerMap } from '../../../src/passes/student/layer-map.ts';

describe('keptLayers', () => {
  // [round((i + 1) * n / k) - 1 for i in range(k)] of Python 3
  it.each([
    [6, 3, [1, 3, 5]],
    [6, 4, [1, 2, 3, 5]],
    [12, 5, [1, 4, 6, 9, 11]],
    [12, 8, [1, 2, 3, 5, 7, 8, 9, 11]],
    [4, 4, [0, 1, 2, 3]],
    [12, 1, [11]],
  ])('of %i layers %i', (layers, count, kept) => {
    expect(keptLayers(count, layers)).toEqual(kept);
  });

  it('takes a list in the order of the layers', () => {
    expect(keptLayers([5, 0, 2], 6)).toEqual([0, 2, 5]);
  });

  it.each([
    [7, '--layers: expected 1 to 6'],
    [0, '--layers: expected 1 to 6'],
    [[0, 6], 'expected numbers from 0 to 5, found 6'],
    [[1, 1], 'expected each layer once, found 1 twice'],
  ])('refuses %o', (choice, message) => {
    expect(() => keptLayers(choice, 6)).toThrow(message);
  });
});

describe('layerMap', () => {
  it('spreads, takes the last, and takes pairs', () => {
    expect(layerMap('even', 3, 6)).toEqual([[0, 1], [1, 3], [2, 5]]); // prettier-ignore
    expect(layerMap('last', 2, 6)).toEqual([[0, 4], [1, 5]]); // prettier-ignore
    expect(layerMap([[0, 5]], 2, 6)).toEqual([[0, 5]]);
  });

  it('refuses layers that are not there', () => {
    expect(() => layerMap([[2, 5]], 2, 6)).toThrow('found 2:5');
    expect(() => layerMap('last', 7, 6)).toThrow("at most the teacher's 6 layers");
  });
});
