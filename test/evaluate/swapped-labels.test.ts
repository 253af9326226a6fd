import { describe, expect, it } from 'vitest';
import { swappedLabels } from '../../src/evaluate/swapped-labels.ts';

/** Rows are gold, columns predicted. */
function say(names: readonly string[], ...rows: readonly (readonly number[])[]): string[] {
  return swappedLabels({ confusion: Float64Array.from(rows.flat()) }, names);
}

describe('swapped labels', () => {
  it('are told of a classifier', () => {
    expect(say(['bad', 'good'], [10, 90], [80, 20])).toEqual([
      "its labels look swapped: it says 'bad' for 'good', 'good' for 'bad'; exchanged, 85.0 % would be right instead of 15.0 %",
    ]);
    expect(say(['bad', 'good'], [60, 40], [45, 55])).toEqual([]);
  });

  const tags = ['O', 'B-PER', 'B-LOC'];

  it('are told of a tagger, most of whose words are outside of entities', () => {
    expect(say(tags, [1900, 4, 6], [5, 2, 40], [3, 35, 5])[0]).toMatch(
      /it says 'B-PER' for 'B-LOC', 'B-LOC' for 'B-PER'; exchanged, 98\.8 % would be right instead of 95\.3 %$/,
    );
    expect(say(tags, [1900, 14, 6], [25, 20, 3], [23, 5, 12])).toEqual([]);
    expect(say(tags, [190, 0, 0], [0, 0, 3], [0, 2, 0])).toEqual([]);
  });

  it('are not looked for where nothing was counted', () => {
    expect(swappedLabels({}, tags)).toEqual([]);
    expect(say(tags, [0, 0, 0], [0, 0, 0], [0, 0, 0])).toEqual([]);
  });
});
