import { describe, expect, it } from 'vitest';
import { geometricMean, medianInterval } from '../../src/math/statistics-latency.ts';
import { median } from '../../src/math/statistics.ts';

// scipy 1.x: st.bootstrap((x[:n],), np.median, method='percentile', n_resamples=400000).confidence_interval
const times = [
  12.9, 13.1, 12.7, 14.8, 12.8, 13.0, 19.2, 12.9, 13.3, 12.6, 12.95, 13.05, 15.5, 12.85, 13.2, 12.75, 31.0, 13.4, 12.65,
  13.15, 13.25,
];

describe('medianInterval', () => {
  it.each([
    [21, 12.9, 13.25],
    [20, 12.875, 13.25],
    [7, 12.8, 14.8],
  ])('agrees with scipy on %i times', (n, low, high) => {
    const [ours, theirs] = [medianInterval(times.slice(0, n), { seed: 3, resamples: 20_000 }), [low, high]];
    ours.forEach((end, i) => expect(end).toBeCloseTo(theirs[i]!, 9));
  });

  it('contains the median, whatever the order and the number of times', () => {
    for (let n = 1; n <= times.length; n++) {
      const some = times.slice(0, n);
      const [low, high] = medianInterval(some, { seed: n });
      expect(low).toBeLessThanOrEqual(median(some));
      expect(high).toBeGreaterThanOrEqual(median(some));
      expect(medianInterval(some.toReversed(), { seed: n })).toEqual([low, high]);
    }
  });

  it('is the same for the same seed, and barely moved by one outlier', () => {
    expect(medianInterval(times, { seed: 5 })).toEqual(medianInterval(times, { seed: 5 }));
    const worse = times.map((ms) => (ms === 31 ? 3100 : ms));
    expect(medianInterval(worse, { seed: 5 })).toEqual(medianInterval(times, { seed: 5 }));
  });

  it('is not a number of nothing', () => {
    expect(medianInterval([], { seed: 0 })).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('geometricMean', () => {
  it('of twice and half is one', () => {
    expect(geometricMean([2, 0.5])).toBeCloseTo(1, 12);
    expect(geometricMean([2, 4, 8])).toBeCloseTo(4, 12);
    expect(geometricMean([])).toBeNaN();
  });
});
