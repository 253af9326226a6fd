import { describe, expect, it } from 'vitest';
import { paretoFront } from '../../src/pipeline/pareto.ts';

describe('paretoFront', () => {
  it('keeps what no other is better than in everything', () => {
    const points = [
      { size: 100, time: 1, score: 0.9 }, // best score
      { size: 25, time: 0.5, score: 0.88 },
      { size: 50, time: 0.9, score: 0.88 }, // larger and slower than the one before, no better
      { size: 20, time: 0.6, score: 0.8 }, // smallest
    ];
    expect(paretoFront(points)).toEqual([true, true, false, true]);
  });

  it('compares only what all have', () => {
    expect(
      paretoFront([
        { size: 10, time: 5, score: 0.9 },
        { size: 5, time: 9 },
      ]),
    ).toEqual([true, true]);
    expect(
      paretoFront([
        { size: 10, score: 0.9 },
        { size: 5, time: 9 },
      ]),
    ).toEqual([false, true]);
    expect(
      paretoFront([
        { size: 10, time: 1, score: Number.NaN },
        { size: 5, time: 1, score: 0.9 },
      ]),
    ).toEqual([false, true]);
  });

  it('keeps equals together; one alone is on the front', () => {
    expect(
      paretoFront([
        { size: 1, time: 1 },
        { size: 1, time: 1 },
      ]),
    ).toEqual([true, true]);
    expect(paretoFront([{ size: 1 }])).toEqual([true]);
    expect(paretoFront([])).toEqual([]);
  });
});
