import { describe, expect, it } from 'vitest';
import { AurocSums } from '../../../src/evaluate/macro-auroc.ts';
import { labelListReader } from '../../../src/evaluate/label-lists.ts';
import { multiLabelRun } from '../../../src/evaluate/tasks/multi-label.ts';
import { logOdds, softmax } from '../../../src/math/statistics.ts';
import { DataError } from '../../../src/errors.ts';
import vectors from '../../math/ranking-vectors.json' with { type: 'json' };
import { rowsOf, runTask, vectorOf } from '../run-task.ts';
import { contextOf, evaluateFiles, tinyTexts } from '../tiny-context.ts';

const names = ['joy', 'love', 'anger, mild', 'fear'];

describe('labels of a row', () => {
  const read = labelListReader('here.tsv', names);
  const ids = (row: { label?: string; labels?: readonly string[] }): number[] => [
    ...read({ line: 3, text: 'a', ...row }),
  ];

  it('are a list of the file, a JSON list, or names with a divider', () => {
    for (const label of ['joy|love', 'love,joy', ' love , joy ', '["joy", "love"]', '[0, 1]', '1|0', 'JOY|joy|Love']) {
      expect(ids({ label }), label).toEqual([0, 1]);
    }
    expect(ids({ labels: ['love', 'joy'], label: 'love|joy' })).toEqual([0, 1]);
    expect(ids({ label: 'anger, mild' })).toEqual([2]);
    expect(ids({ label: 'anger, mild|fear' })).toEqual([2, 3]);
  });

  it('may be none', () => {
    for (const label of ['[]', '[""]', '|', '']) expect(ids({ label }), label).toEqual([]);
    expect(ids({ labels: [''] })).toEqual([]);
  });

  it('must be classes of the model, or the line is named', () => {
    expect(() => ids({ label: 'joy|hate' })).toThrow(
      new DataError("here.tsv line 3: expected one of joy, love, anger, mild, fear or 0 to 3, found label 'hate'"),
    );
    expect(() => ids({ label: '[joy' })).toThrow(/line 3: expected a JSON list of labels, found '\[joy'/);
  });
});

describe('several labels a row', () => {
  const { gold, logits } = vectors.multiLabel;
  const rows = rowsOf(gold.map((row) => ({ text: 'a', labels: row.flatMap((one, id) => (one ? [String(id)] : [])) })));
  const at = (line: number): number => line - 2;

  it('are scored as scikit-learn scores them', () => {
    const { outcome } = runTask(multiLabelRun(contextOf()), rows, (_ids, { line }) => vectorOf(logits[at(line)]!));
    expect(outcome.samples).toBe(40);
    expect(outcome.value).toBeCloseTo(vectors.multiLabel.microF1, 12);
    expect(outcome.secondary['macroF1']).toBeCloseTo(vectors.multiLabel.macroF1, 12);
    expect(outcome.secondary['subsetAccuracy']).toBeCloseTo(vectors.multiLabel.subsetAccuracy, 12);
    expect(outcome.secondary['macroAuroc']).toBeCloseTo(vectors.multiLabel.macroAuroc, 6);
    const counts = Int32Array.from(vectors.multiLabel.counts);
    expect(outcome.resampled!(counts)).toBeCloseTo(vectors.multiLabel.resampledMicroF1, 12);
    expect(outcome.correct!.reduce((a, b) => a + b) / 40).toBeCloseTo(vectors.multiLabel.subsetAccuracy, 12);
    expect(outcome).toMatchObject({ nonFinite: 0, notes: [] });
  });

  it('are missed where the model gives no number, even where there are none', () => {
    const nan = (): ReturnType<typeof vectorOf> => vectorOf([Number.NaN, 1]);
    const run = multiLabelRun(contextOf({ labels: ['joy', 'love'] }));
    const some = rowsOf([
      { text: 'a', labels: [] },
      { text: 'a', labels: ['love'] },
    ]);
    const { outcome, predictions } = runTask(run, some, nan);
    expect(outcome).toMatchObject({ value: 0, nonFinite: 2, samples: 2 });
    expect([...outcome.correct!]).toEqual([0, 0]);
    expect(outcome.secondary).toEqual({ macroF1: 0, subsetAccuracy: 0, macroAuroc: 0 });
    expect(predictions.map((one) => run.show!(one, { row: some[0]!, gold: new Int32Array(), sequences: [] }))).toEqual([
      'no number',
      'no number',
    ]);
  });

  it('have an F1 of 0 where there is no label at all, said in a note', () => {
    const none = rowsOf([{ text: 'a', labels: [] }]);
    const { outcome } = runTask(multiLabelRun(contextOf()), none, () => vectorOf([-1, -1]));
    expect(outcome.value).toBe(0);
    expect(outcome.secondary).toEqual({ macroF1: 0, subsetAccuracy: 1 });
    expect(outcome.notes).toEqual(['no row has a label, nor is one found: F1 is undefined, taken as 0']);
    expect(outcome.resampled!(Int32Array.of(1))).toBeNaN();
  });

  it('are refused where the model has fewer classes', () => {
    const wide = rowsOf([{ text: 'a', labels: ['2'] }]);
    expect(() => runTask(multiLabelRun(contextOf()), wide, () => vectorOf([1, 1]))).toThrow(
      new DataError("here.tsv line 2: expected some of the model's 2 classes, found label 2"),
    );
  });

  it('tell how much worse another model is on a row', () => {
    const run = multiLabelRun(contextOf({ labels: names }));
    const row = rowsOf([{ text: 'a', label: 'joy|fear' }]);
    const loss = (before: number[], after: number[]): number => {
      const [was, is] = [before, after].map((values) => runTask(run, row, () => vectorOf(values)));
      return run.loss!(was!.examples[0]!, was!.predictions[0]!, is!.predictions[0]!);
    };
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
    expect(loss([2, -1, -1, 1], [2, -1, -1, -3])).toBeCloseTo(sigmoid(1) - sigmoid(-3), 12); // fear lost
    expect(loss([2, -1, -1, 1], [2, 3, -1, 1])).toBeCloseTo(sigmoid(1) - sigmoid(-3), 12); // love invented
    expect(loss([2, -1, -1, -1], [2, -1, -1, 1])).toBeLessThan(0);
    expect(loss([2, -1, -1, 1], [1, -2, -2, 2])).toBe(0);
    expect(loss([2, -1, -1, 1], [Number.NaN, 0, 0, 0])).toBeGreaterThan(1);
    const { predictions, examples } = runTask(run, row, () => vectorOf([1, -1, -1, 1]));
    expect(run.show!(predictions[0]!, examples[0]!)).toBe('joy|fear');
    expect(run.showGold!(examples[0]!.gold)).toBe('joy|fear');
  });
});

describe('areas', () => {
  it('tell rows apart whose probabilities are all 1 in float32', () => {
    const logits = [25, 24, 23, 22]; // of class 1, against 0
    const area = (scores: (logits: readonly number[]) => ArrayLike<number>): number | undefined => {
      const sums = new AurocSums();
      logits.forEach((logit, row) => sums.add(scores([0, logit]), (label) => label === (row < 2 ? 1 : 0)));
      return sums.finish().macroAuroc;
    };
    expect(area(logOdds)).toBe(1);
    expect(area(softmax)).toBeLessThan(1);
  });

  it('of many rows are of the first, which is said', () => {
    const sums = new AurocSums(7);
    for (const [a, gold] of [
      [0, 0],
      [1, 1],
      [2, 1],
      [-9, 1],
    ] as const)
      sums.add([a, -a], (label) => label === gold);
    const { macroAuroc, notes } = sums.finish();
    expect(macroAuroc).toBe(0); // class 0 scores lowest where it is gold
    expect(notes).toEqual(['macroAuroc is of the first 3 rows: the scores of more are not kept']);
  });
});

it('measures models', async () => {
  const texts = tinyTexts(60);
  const run = multiLabelRun(contextOf({ labels: ['negative', 'positive'] }));
  const blank = rowsOf(texts.map((text) => ({ text, labels: [] })));
  const seen: string[] = [];
  const watched: typeof run = {
    ...run,
    predict: (example, parts) => {
      const prediction = run.predict(example, parts);
      seen[example.row.line - 2] = run.show!(prediction, example);
      return prediction;
    },
  };
  await evaluateFiles('text-classification', watched, blank, ['classifier']);
  expect(new Set(seen).size).toBeGreaterThan(1);
  const rows = rowsOf(texts.map((text, i) => ({ text, label: seen[i] === 'no label' ? '[]' : seen[i]! })));
  const { models, differences } = await evaluateFiles('text-classification', run, rows, [
    'classifier',
    'classifier-noisy',
    'classifier-nan',
  ]);
  expect(models[0]).toMatchObject({ metric: 'microF1', value: 1, secondary: { subsetAccuracy: 1, macroAuroc: 1 } });
  expect(models[1]!.value).toBeLessThan(1);
  expect(models[2]!.nonFinite).toBeGreaterThan(0);
  expect(differences[0]!.parity!.agreement).toBeCloseTo(models[1]!.secondary['subsetAccuracy']!, 12);
  expect(differences[0]!.changed.length).toBeGreaterThan(0);
});
