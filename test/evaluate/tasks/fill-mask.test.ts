import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/data/dataset.ts';
import { DataError, ModelError } from '../../../src/errors.ts';
import { clozeReader } from '../../../src/evaluate/cloze.ts';
import { taskNamed } from '../../../src/evaluate/registry.ts';
import { fillMask } from '../../../src/evaluate/tasks/fill-mask.ts';
import { tokensInContext } from '../../../src/evaluate/token-text.ts';
import { rowsOf, runTask, type FakeModel } from '../run-task.ts';
import { contextOf, evaluateFiles, tinyTexts, tinyTokenizer } from '../tiny-context.ts';
import vectors from './fill-mask-vectors.json' with { type: 'json' };

const vocabulary = 12;
const idOf = (word: string): number => tinyTokenizer.encode(word, undefined, 8).ids[1]!;
const maskId = tinyTokenizer.maskId!;

/** A model that gives the same logits at every position, as many as tokens it knows. */
function giving(logits: (token: number) => number, width = tinyTokenizer.vocabularySize): FakeModel {
  return ({ ids }) => ({
    name: 'logits',
    tokens: ids.length,
    width,
    data: Float32Array.from({ length: ids.length * width }, (_, i) => logits(i % width)),
  });
}

const blanksOf = (row: Omit<Row, 'line'>, line = 2, seed = 1): number[] => {
  const run = fillMask.begin(contextOf({ seed, maxLength: 64 }));
  const given = { line, ...row };
  return run.encode(given, run.gold(given)).map(({ ids }) => ids.indexOf(maskId));
};

describe('tokens to be guessed', () => {
  const text = tinyTexts(40).find((one) => one.split(' ').length === 9)!;
  const long = `${text} ${text} ${text}`;

  it('are masked alone, eight of a text at most, special and unknown ones never', () => {
    const run = fillMask.begin(contextOf());
    const row = { line: 2, text: 'the 😀 movie ##' };
    const whole = tinyTokenizer.encode(row.text, undefined, 32).ids;
    const sequences = run.encode(row, run.gold(row));
    const places = sequences.map(({ ids }) => ids.indexOf(maskId));
    expect(places.toSorted()).toEqual([1, 3]); // [CLS] the [UNK] movie [UNK] … [SEP]
    sequences.forEach(({ ids }, i) => {
      const back = ids.slice();
      back[places[i]!] = whole[places[i]!]!;
      expect(back).toEqual(whole);
    });
    expect(new Set(blanksOf({ text: long })).size).toBe(8);
    expect(blanksOf({ text: '😀' })).toEqual([]);
  });

  it('follow from the seed and the line alone', () => {
    const chosen = blanksOf({ text: long });
    expect(blanksOf({ text: long })).toEqual(chosen);
    expect(blanksOf({ text: long }, 3)).not.toEqual(chosen);
    expect(blanksOf({ text: long }, 2, 5)).not.toEqual(chosen);
    const places = Array.from({ length: 400 }, (_, line) => blanksOf({ text: long }, line)).flat();
    const counts = Array.from({ length: 27 }, (_, at) => places.filter((place) => place === at + 1).length);
    expect(Math.min(...counts)).toBeGreaterThan(80); // 118 are expected of each, with a deviation of 9
    expect(Math.max(...counts)).toBeLessThan(157);
  });

  it('are the label where the text holds the mask token', () => {
    const run = fillMask.begin(contextOf());
    const row = { line: 2, text: 'the [MASK] was good', label: 'movie' };
    const gold = run.gold(row);
    const [sequence, ...more] = run.encode(row, gold);
    expect(more).toEqual([]);
    expect(sequence!.ids.indexOf(maskId)).toBe(2);
    expect(run.showGold!(gold)).toBe('the [movie] was good');
    const { blanks } = clozeReader(contextOf())({ line: 2, text: 'the [MASK] was good' }); // without a label it is no blank
    expect(blanks.map(({ position }) => position).toSorted()).toEqual([1, 3, 4]);
    expect(blanksOf({ text: 'the movie was good', label: 'movie' })).toHaveLength(4);
  });

  it('are refused by line where the label is no token, or the mask not one', () => {
    const run = fillMask.begin(contextOf({ maxLength: 6 }));
    const gold = (text: string, label: string) => () => run.gold({ line: 9, text, label });
    expect(gold('the [MASK]', 'dancing')).toThrow(
      new DataError("here.tsv line 9: expected a word that is one token of the vocabulary, found 'dancing'"),
    );
    expect(gold('the [MASK]', '😀')).toThrow(/line 9: expected a word/);
    expect(gold('[MASK] the [MASK]', 'movie')).toThrow(
      new DataError('here.tsv line 9: expected one [MASK] within 6 tokens, found 2'),
    );
    expect(gold('the good bad movie was [MASK]', 'good')).toThrow(/found 0/);
    const { maskId: _mask, ...without } = tinyTokenizer;
    expect(() => fillMask.begin(contextOf({ tokenizer: without }))).toThrow(
      new DataError('here.tsv: expected a tokenizer with a mask token for fill-mask, found one without'),
    );
  });
});

describe('guesses', () => {
  const rows = rowsOf([{ text: 'the good movie' }, { text: 'bad movie' }]);

  it('are scored by rank and likelihood', () => {
    // movie first, then bad, the rest alike: of 5 tokens two are movie, one is bad
    const logits = (token: number): number => (token === idOf('movie') ? 3 : token === idOf('bad') ? 2 : 0);
    const { outcome } = runTask(fillMask.begin(contextOf()), rows, giving(logits));
    const size = tinyTokenizer.vocabularySize;
    const sum = Math.log(Math.exp(3) + Math.exp(2) + size - 2);
    expect(outcome.value).toBeCloseTo(2 / 5, 12);
    // of the tokens that are alike those with the smaller ids come first: the and good are 8th and later
    expect(outcome.secondary['top5']).toBeCloseTo(3 / 5, 12);
    expect(outcome.secondary['pseudoPerplexity']).toBeCloseTo(Math.exp(sum - (3 + 3 + 2) / 5), 6);
    expect(outcome.samples).toBe(2);
    expect(outcome.resampled!(Int32Array.of(1, 1))).toBe(outcome.value);
    expect(outcome.resampled!(Int32Array.of(0, 2))).toBe(1 / 2);
    expect(outcome.resampled!(Int32Array.of(2, 1))).toBe(3 / 8);
    expect(outcome.correct).toBeUndefined();
  });

  it('are wrong where the model gives no number, and as likely as blind ones', () => {
    for (const value of [Number.NaN, Infinity]) {
      const { outcome, examples, predictions } = runTask(
        fillMask.begin(contextOf()),
        rows,
        giving((token) => (token === 7 ? value : 0)),
      );
      expect(outcome).toMatchObject({ value: 0, nonFinite: 2, secondary: { top5: 0 } });
      expect(outcome.secondary['pseudoPerplexity']).toBeCloseTo(tinyTokenizer.vocabularySize, 6);
      const run = fillMask.begin(contextOf());
      expect(run.show!(predictions[1], examples[1]!)).toBe('[no number] [no number]');
    }
    const absurd = giving((token) => (token === 20 ? 1e9 : 0));
    const { outcome } = runTask(fillMask.begin(contextOf()), rows, absurd);
    expect(outcome.secondary['pseudoPerplexity']).toBe(Number.MAX_VALUE);
  });

  it('of one word a text can be right or wrong', () => {
    const cloze = rowsOf([
      { text: 'the [MASK] was', label: 'movie' },
      { text: 'a [MASK] was', label: 'child' },
    ]);
    const movie = giving((token) => (token === idOf('movie') ? 1 : 0));
    const { outcome } = runTask(fillMask.begin(contextOf()), cloze, movie);
    expect([...outcome.correct!]).toEqual([1, 0]);
    expect(outcome.value).toBe(0.5);
  });

  it('are shown in their context, and weighed against those of another model', () => {
    const run = fillMask.begin(contextOf());
    const cloze = rowsOf([{ text: 'the [MASK] was good', label: 'movie' }]);
    const guess = (logits: (token: number) => number) => {
      const { predictions, examples } = runTask(run, cloze, giving(logits));
      return { prediction: predictions[0], example: examples[0]! };
    };
    const right = guess((token) => (token === idOf('movie') ? 5 : 0));
    const wrong = guess((token) => (token === idOf('child') ? 5 : 0));
    expect(run.show!(right.prediction, right.example)).toBe('the [movie] was good');
    expect(run.show!(wrong.prediction, wrong.example)).toBe('the [child] was good');
    expect(run.loss!(right.example, right.prediction, wrong.prediction)).toBeCloseTo(5, 6);
    expect(run.loss!(right.example, wrong.prediction, right.prediction)).toBeCloseTo(-5, 6);
    expect(run.loss!(right.example, right.prediction, right.prediction)).toBe(0);
  });

  it('keep the logits of one token of each of the first texts, however often they are measured', () => {
    const large = { ...tinyTokenizer, vocabularySize: 2 ** 23 }; // room for two
    const run = fillMask.begin(contextOf({ tokenizer: large }));
    const three = rowsOf([{ text: 'the good movie' }, { text: 'bad movie' }, { text: 'a man' }]);
    for (let again = 0; again < 2; again++) {
      const { predictions, outcome } = runTask(
        run,
        three,
        giving((token) => token),
      );
      const kept = predictions.map((prediction) => run.vectors!(prediction));
      expect(kept.map((one) => one.length)).toEqual([1, 1, 0]);
      expect(kept[1]![0]).toHaveLength(tinyTokenizer.vocabularySize);
      expect([...kept[0]![0]!.subarray(0, 3)]).toEqual([0, 1, 2]);
      expect(outcome.notes).toContain('fill-mask: parity is of one token of each of the first 2 texts');
    }
    expect(run.maxTokens).toBe(8);
  });

  it('need a score for every token, and a text to mask', () => {
    const run = fillMask.begin(contextOf());
    const small = giving(() => 0, vocabulary);
    expect(() => runTask(run, rowsOf([{ text: 'man' }]), small)).toThrow(ModelError);
    expect(() => runTask(run, rowsOf([{ text: '😀' }]), small)).toThrow(
      new DataError('here.tsv: expected a text with a token to mask, found none'),
    );
    const { outcome } = runTask(
      run,
      rowsOf([{ text: '😀' }, { text: 'the' }]),
      giving(() => 0),
    );
    expect(outcome.samples).toBe(2);
    expect(outcome.notes).toContain('fill-mask: 1 of 2 texts have no token to mask');
  });
});

describe('tokens as text', () => {
  it('join by the marks of their tokenizer', () => {
    expect(tokensInContext(['danc', '##ing', 'is', 'fun'], new Set([1]))).toBe('danc[ing] is fun');
    expect(tokensInContext(['The', 'Ġcap', 'ital', 'Ġof', '.'], new Set([2]))).toBe('The cap[ital] of.');
    expect(tokensInContext(['▁the', '▁ca', 'pital'], new Set([1]))).toBe('the [ca]pital');
    const letters = [...'abcdefghijklmnop'];
    expect(tokensInContext(letters, new Set([5, 14]))).toBe('… c d e [f] g h i … l m n [o] p');
    expect(tokensInContext(letters, new Set([0]))).toBe('[a] b c d …');
  });
});

it('measures a model as numpy does', async () => {
  const rows = rowsOf(vectors.texts.map((text) => ({ text })));
  const run = taskNamed('fill-mask').begin(contextOf());
  const { models, differences } = await evaluateFiles('fill-mask', run, rows, ['masked', 'masked']);
  const { top1, top5, pseudoPerplexity } = vectors.tiny;
  expect(models[0]).toMatchObject({ metric: 'top1', samples: rows.length, nonFinite: 0 });
  expect(models[0]!.value).toBeCloseTo(top1, 12);
  expect(models[0]!.secondary['top5']).toBeCloseTo(top5, 12);
  expect(models[0]!.secondary['pseudoPerplexity']! / pseudoPerplexity).toBeCloseTo(1, 5);
  expect(differences[0]!.parity).toMatchObject({ agreement: 1, kl: 0, maxAbs: 0, rows: rows.length });
});
