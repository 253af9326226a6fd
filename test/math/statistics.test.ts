import { describe, expect, it } from 'vitest';
import * as paired from '../../src/math/statistics-paired.ts';
import * as statistics from '../../src/math/statistics.ts';
import { accuracy, confusion, macroF1, matthews, microF1 } from '../../src/math/statistics-classification.ts';
import vectors from './statistics-vectors.json' with { type: 'json' };

const { x, y, xt, yt } = vectors;

describe('against scipy and numpy', () => {
  it('correlates', () => {
    expect(statistics.pearson(x, y)).toBeCloseTo(vectors.pearson, 12);
    expect(statistics.spearman(x, y)).toBeCloseTo(vectors.spearman, 12);
    expect(statistics.pearson(xt, yt)).toBeCloseTo(vectors.pearsonTies, 12);
    expect(statistics.spearman(xt, yt)).toBeCloseTo(vectors.spearmanTies, 12);
    expect([...statistics.ranks(xt)]).toEqual(vectors.ranksTies);
  });

  it('finds quantiles', () => {
    for (const [q, value] of vectors.quantiles) expect(statistics.quantile(x, q!)).toBeCloseTo(value!, 12);
  });

  it('makes distributions and their divergence', () => {
    vectors.logits.forEach((row, i) => {
      statistics.softmax(row).forEach((p, j) => expect(p).toBeCloseTo(vectors.softmax[i]![j]!, 12));
    });
    const [p, q] = vectors.logits.map((row) => statistics.softmax(row));
    expect(statistics.klDivergence(p!, q!)).toBeCloseTo(vectors.kl, 12);
  });

  it('tests discordant pairs exactly', () => {
    for (const [b, c, p] of vectors.mcnemar) expect(paired.mcnemar(b!, c!)).toBeCloseTo(p!, 10);
  });

  it('correlates a resample by counts as if its rows were written out', () => {
    const counts = Int32Array.from(vectors.resample.counts);
    expect(paired.spearmanOf(xt, yt)(counts)).toBeCloseTo(vectors.resample.spearman, 12);
    expect(paired.pearsonOf(xt, yt)(counts)).toBeCloseTo(vectors.resample.pearson, 12);
  });

  it('finds the bootstrap interval of a mean of differences', () => {
    const { differences, interval } = vectors.bootstrap;
    const mean: paired.ResampledMetric = (counts) =>
      differences.reduce((sum, d, i) => sum + d * counts[i]!, 0) / differences.length;
    const [low, high] = paired.pairedBootstrap(300, mean, () => 0, { seed: 1, resamples: 20_000 });
    expect(low).toBeCloseTo(interval[0]!, 2);
    expect(high).toBeCloseTo(interval[1]!, 2);
  });
});

describe('against scikit-learn', () => {
  it('scores many classes, one of them never predicted', () => {
    const matrix = confusion(vectors.gold, vectors.guess, 5);
    expect(accuracy(matrix)).toBeCloseTo(vectors.accuracy, 12);
    expect(macroF1(matrix)).toBeCloseTo(vectors.macroF1, 12);
    expect(microF1(matrix)).toBeCloseTo(vectors.microF1, 12);
    expect(matthews(matrix)).toBeCloseTo(vectors.matthews, 12);
  });

  it('scores two classes', () => {
    const matrix = confusion(vectors.binary.gold, vectors.binary.guess, 2);
    expect(matthews(matrix)).toBeCloseTo(vectors.binary.matthews, 12);
    expect(macroF1(matrix)).toBeCloseTo(vectors.binary.macroF1, 12);
  });
});

describe('edges', () => {
  it('has no correlation with a constant', () => {
    expect(statistics.spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
    expect(matthews(confusion([0, 0, 1], [0, 0, 0], 2))).toBe(0);
  });

  it('counts a row without a prediction as wrong', () => {
    const matrix = confusion([0, 1, 1], [0, 1, -1], 2);
    expect(accuracy(matrix)).toBeCloseTo(2 / 3, 12);
    expect(microF1(matrix)).toBeCloseTo(4 / 5, 12);
    expect(macroF1(matrix)).toBeCloseTo((1 + 2 / 3) / 2, 12);
  });

  it('measures vectors', () => {
    expect(statistics.cosine([1, 0], [0, 2])).toBe(0);
    expect(statistics.cosine([0, 0], [0, 0])).toBe(1);
    expect(statistics.cosine([0, 0], [1, 0])).toBe(0);
    expect(statistics.sqnrDb([3, 4], [3, 4])).toBe(Infinity);
    expect(statistics.sqnrDb([10, 0], [9, 0])).toBeCloseTo(20, 12);
    expect(statistics.median([3, 1, 2, 10])).toBe(2.5);
    expect(statistics.mean([])).toBeNaN();
    expect(statistics.softmax([1000, 1000])).toEqual(Float64Array.of(0.5, 0.5));
  });

  it('gives the same interval for the same seed and none for equal models', () => {
    const correct = Float64Array.from({ length: 50 }, (_, i) => i % 3);
    const metric: paired.ResampledMetric = (counts) => correct.reduce((sum, c, i) => sum + c * counts[i]!, 0);
    const half: paired.ResampledMetric = (counts) => metric(counts) / 2;
    expect(paired.pairedBootstrap(50, metric, metric, { seed: 1 })).toEqual([0, 0]);
    expect(paired.pairedBootstrap(50, metric, half, { seed: 1 })).toEqual(
      paired.pairedBootstrap(50, metric, half, { seed: 1 }),
    );
  });
});

describe('log-odds', () => {
  it('are ln p - ln(1 - p) of the softmax, where that is not rounded away', () => {
    for (const logits of [...vectors.logits, [3, 3], [0.5, -2]]) {
      const p = statistics.softmax(logits);
      statistics.logOdds(logits).forEach((odds, i) => expect(odds).toBeCloseTo(Math.log(p[i]! / (1 - p[i]!)), 8));
    }
    expect([...statistics.logOdds([2000, 0])]).toEqual([2000, -2000]);
    expect([...statistics.logOdds([50, 0, 0])][0]).toBeCloseTo(50 - Math.log(2), 12);
  });
});
