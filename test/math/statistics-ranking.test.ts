import { describe, expect, it } from 'vitest';
import { confusion, macroRecall } from '../../src/math/statistics-classification.ts';
import { foldsOf, overFolds, spreadOf } from '../../src/math/statistics-folds.ts';
import { macroF1Of, microF1Of, type LabelCounts } from '../../src/math/statistics-multi-label.ts';
import {
  meanOf,
  pairedBootstrap,
  pearsonOf,
  ratioOf,
  spearmanOf,
  type ResampledMetric,
} from '../../src/math/statistics-paired.ts';
import { rowsToSee, samplesNeeded } from '../../src/math/statistics-power.ts';
import * as ranking from '../../src/math/statistics-ranking.ts';
import { logSumExp } from '../../src/math/statistics.ts';
import vectors from './ranking-vectors.json' with { type: 'json' };

/** Of scores [rows, classes]. */
function columnsOf(scores: readonly number[], classes: number, positive: (row: number, of: number) => number) {
  const rows = [...Array(scores.length / classes).keys()];
  return Array.from({ length: classes }, (_, of) => ({
    scores: rows.map((row) => scores[row * classes + of]!),
    positive: rows.map((row) => positive(row, of)),
  }));
}

describe('against scikit-learn', () => {
  it('finds areas under curves, many scores tied', () => {
    const { gold, scores, auroc, averagePrecision } = vectors.binary;
    expect(ranking.auroc(scores, gold)).toBeCloseTo(auroc, 12);
    expect(ranking.averagePrecision(scores, gold)).toBeCloseTo(averagePrecision, 12);
  });

  it('averages areas over classes', () => {
    const { gold, scores, auroc } = vectors.classes;
    expect(ranking.macroAuroc(columnsOf(scores, 4, (row, of) => (gold[row] === of ? 1 : 0)))).toBeCloseTo(auroc, 10);
  });

  it('averages recall over the classes that occur', () => {
    const { recallGold, recallGuess } = vectors.classes;
    expect(macroRecall(confusion(recallGold, recallGuess, 4))).toBeCloseTo(vectors.classes.macroRecall, 12);
  });

  it('scores several labels a row', () => {
    const { gold, logits } = vectors.multiLabel;
    const guess = logits.map((row) => row.map((logit) => (logit >= 0 ? 1 : 0)));
    const rows = countsOf(gold, guess);
    const columns = countsOf(transpose(gold), transpose(guess));
    expect(microF1Of(rows)).toBeCloseTo(vectors.multiLabel.microF1, 12);
    expect(microF1Of(columns)).toBeCloseTo(vectors.multiLabel.microF1, 12);
    expect(macroF1Of(columns)).toBeCloseTo(vectors.multiLabel.macroF1, 12);
    expect(microF1Of(rows, vectors.multiLabel.counts)).toBeCloseTo(vectors.multiLabel.resampledMicroF1, 12);
    const area = ranking.macroAuroc(columnsOf(logits.flat(), 6, (row, of) => gold[row]![of]!));
    expect(area).toBeCloseTo(vectors.multiLabel.macroAuroc, 12);
  });

  it('scores rankings with grades', () => {
    const { grades, scores, ndcg, recall, mrr10 } = vectors.retrieval;
    const ranked = grades.map((row, query) => ranking.ranksOf(scores[query]!, relevantOf(row)));
    const compare = (expected: readonly number[], metric: (query: ranking.Ranked[]) => number): void =>
      ranked.forEach((query, i) => expect(metric(query)).toBeCloseTo(expected[i]!, 10));
    for (const [k, expected] of Object.entries(ndcg)) compare(expected, (query) => ranking.ndcgAt(Number(k), query));
    for (const [k, expected] of Object.entries(recall))
      compare(expected, (query) => ranking.recallAt(Number(k), query));
    const reciprocal = ranked.map((query) => ranking.reciprocalRankAt(10, query));
    expect(reciprocal.reduce((a, b) => a + b) / reciprocal.length).toBeCloseTo(mrr10, 10);
  });

  it('sums exponentials of large numbers', () => {
    expect(logSumExp(vectors.logSumExp.values)).toBeCloseTo(vectors.logSumExp.result, 10);
    expect(logSumExp([-Infinity, -Infinity])).toBe(-Infinity);
  });
});

describe('rankings', () => {
  it('put what is relevant last among equal scores, in whatever order the documents come', () => {
    const scores = [0.5, 0.5, 0.9, 0.5, 0.1];
    const relevant = [
      { document: 0, grade: 2 },
      { document: 3, grade: 1 },
      { document: 4, grade: 1 },
    ];
    const ranks = ranking.ranksOf(scores, relevant).map(({ rank }) => rank);
    expect(ranks).toEqual([4, 3, 5]); // 0.9 first, then document 1, then grade 1 before grade 2
    const turned = relevant.map(({ document, grade }) => ({ document: 4 - document, grade }));
    expect(ranking.ranksOf(scores.toReversed(), turned).map(({ rank }) => rank)).toEqual(ranks);
    const pair = [0, 1].map((document) => ({ document, grade: 1 }));
    expect(ranking.ranksOf([1, 1], pair).map(({ rank }) => rank)).toEqual([1, 2]);
  });

  it('of a model that scores everything alike are the worst there are', () => {
    const scores = new Float64Array(100);
    const ranked = ranking.ranksOf(scores, [{ document: 0, grade: 1 }]);
    expect(ranked).toEqual([{ rank: 100, grade: 1 }]);
    expect(ranking.reciprocalRankAt(10, ranked)).toBe(0);
    expect(ranking.ndcgAt(10, ranked)).toBe(0);
    expect(ranking.auroc([1, 1, 1], [0, 1, 1])).toBe(0.5);
  });

  it('take infinite scores, and are undefined without both kinds of rows', () => {
    expect(ranking.auroc([-Infinity, 0, Infinity, Infinity], [0, 0, 1, 0])).toBeCloseTo(2.5 / 3, 12);
    expect(ranking.auroc([1, 2], [1, 1])).toBeNaN();
    expect(ranking.averagePrecision([1, 2], [0, 0])).toBeNaN();
    expect(ranking.macroAuroc(columnsOf([1, 2], 1, () => 1))).toBeNaN();
    expect(ranking.ndcgAt(10, [])).toBeNaN();
    expect(ranking.recallAt(10, [])).toBeNaN();
  });
});

describe('resamples', () => {
  it('are means over the rows drawn, so that a fold is one of them', () => {
    const right = [1, 0, 1, 1];
    expect(meanOf(right)(Int32Array.of(1, 1, 0, 0))).toBe(0.5);
    expect(meanOf(right)(Int32Array.of(3, 1, 0, 0))).toBe(0.75);
    expect(ratioOf([1, 4], [2, 4])(Int32Array.of(2, 1))).toBe(6 / 8);
    expect(pearsonOf([1, 2, 3, 9], [2, 4, 6, 0])(Int32Array.of(1, 1, 1, 0))).toBeCloseTo(1, 12);
    expect(meanOf(right)(new Int32Array(4))).toBeNaN();
    expect(microF1Of({ tp: [0], fp: [0], fn: [0] })).toBeNaN();
  });

  it('take a metric that is undefined on all rows as 0, so that its drop has an interval', () => {
    const [x, y] = [
      Float64Array.from({ length: 60 }, (_, i) => i),
      Float64Array.from({ length: 60 }, (_, i) => i + 9 * (i % 7)),
    ];
    const [good, constant] = [spearmanOf(x, y), spearmanOf(x, new Float64Array(60))];
    const [low, high] = pairedBootstrap(60, good, constant, { seed: 1 });
    const value = good(new Int32Array(60).fill(1));
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    expect(low).toBeGreaterThan(0.5);
    const { drop, after } = overFolds(60, good, constant, { folds: 3, seed: 1 })!;
    expect(after).toEqual({ mean: 0, sd: 0 });
    expect(drop.mean).toBeGreaterThan(0.5);
  });

  it('bound their draws where there are many rows', () => {
    let resamples = 0;
    const zeros = new Uint8Array(100_000);
    pairedBootstrap(100_000, (counts) => (resamples++, meanOf(zeros)(counts)), meanOf(zeros), { seed: 1 });
    expect(resamples).toBe(401); // and once on all rows
  });
});

describe('folds', () => {
  it('are a partition, in parts of like size, by the seed', () => {
    const folds = [...foldsOf(23, 5, 7)];
    expect(folds.map((fold) => fold.reduce((a, b) => a + b))).toEqual([5, 5, 5, 4, 4]);
    for (let row = 0; row < 23; row++) expect(folds.reduce((sum, fold) => sum + fold[row]!, 0)).toBe(1);
    expect([...foldsOf(23, 5, 7)]).toEqual(folds);
    expect([...foldsOf(23, 5, 8)]).not.toEqual(folds);
    expect(folds[0]).not.toEqual(Int32Array.from({ length: 23 }, (_, row) => (row % 5 === 0 ? 1 : 0)));
  });

  it('refuse a number that makes no folds', () => {
    for (const K of [1, 24, 2.5]) expect(() => foldsOf(23, K, 1).next()).toThrow(RangeError);
  });

  it('give mean and sample deviation of both models and of their difference', () => {
    expect(spreadOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, sd: Math.sqrt(32 / 7) });
    expect(spreadOf([3])).toEqual({ mean: 3, sd: 0 });
    const before = meanOf(Uint8Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? 0 : 1)));
    const after = meanOf(Uint8Array.from({ length: 100 }, (_, i) => (i % 5 === 0 ? 0 : 1)));
    const spreads = overFolds(100, before, after, { folds: 10, seed: 3 })!;
    expect(spreads.count).toBe(10);
    expect(spreads.before.mean).toBeCloseTo(0.9, 12); // folds of one size: the mean over folds is that over rows
    expect(spreads.after.mean).toBeCloseTo(0.8, 12);
    expect(spreads.drop.mean).toBeCloseTo(0.1, 12);
    expect(spreads.drop.sd).toBeGreaterThan(0);
    expect(spreads.drop.sd).toBeLessThan(spreads.before.sd + spreads.after.sd);
    expect(overFolds(100, before, before, { folds: 10, seed: 3 })!.drop).toEqual({ mean: 0, sd: 0 });
    const never: ResampledMetric = (counts) => (counts.every((count) => count === 1) ? 1 : Number.NaN);
    expect(overFolds(100, never, before, { folds: 2, seed: 1 })).toBeUndefined();
    expect(pairedBootstrap(100, never, never, { seed: 1, resamples: 5 })).toEqual([0, 0]);
  });
});

describe('rows that it takes', () => {
  it('for an interval as narrow as the allowed drop', () => {
    expect(samplesNeeded(-0.01, 0.03, 500, 0.01)).toBe(2000);
    expect(samplesNeeded(-0.01, 0.03, 500, 0.02)).toBe(500);
    expect(samplesNeeded(0, 0, 500, 0)).toBe(500);
    expect(samplesNeeded(-0.01, 0.03, 500, 0)).toBeUndefined();
  });

  it("for seeing a drop, as the exact test's power over all outcomes says", () => {
    for (const { drop, discordance, rows, power } of vectors.power) {
      expect(rowsToSee(drop, discordance)).toBe(rows);
      expect(power).toBeGreaterThan(0.76);
      expect(power).toBeLessThan(0.8);
    }
    expect(rowsToSee(0.02, 0.001)).toBe(rowsToSee(0.02, 0.02));
    expect(rowsToSee(0, 0.1)).toBeUndefined();
  });
});

type Grid = readonly (readonly number[])[];

function countsOf(gold: Grid, guess: Grid): LabelCounts {
  const count = (g: number, p: number): number[] =>
    gold.map((row, i) => row.filter((one, j) => one === g && guess[i]![j] === p).length);
  return { tp: count(1, 1), fp: count(0, 1), fn: count(1, 0) };
}

function transpose(grid: Grid): Grid {
  return grid[0]!.map((_, column) => grid.map((row) => row[column]!));
}

function relevantOf(grades: readonly number[]): ranking.Relevant[] {
  return grades.flatMap((grade, document) => (grade > 0 ? [{ document, grade }] : []));
}
