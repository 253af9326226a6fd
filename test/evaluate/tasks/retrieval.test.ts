import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/data/dataset.ts';
import { DataError } from '../../../src/errors.ts';
import { guessTask } from '../../../src/evaluate/guess-task.ts';
import { taskNamed } from '../../../src/evaluate/registry.ts';
import { retrieval } from '../../../src/evaluate/tasks/retrieval.ts';
import vectors from '../../math/ranking-vectors.json' with { type: 'json' };
import { rowsOf, runTask, vectorOf, type FakeModel } from '../run-task.ts';
import { contextOf, evaluateFiles, tinyTexts, tinyTokenizer } from '../tiny-context.ts';

const { queries, documents, judged, ...expected } = vectors.embeddings;

/** Pairs as a file lists them, and every document that no pair has with a query that has no answer. */
function judgements(): Row[] {
  const pairs = judged.map(([query, document, grade]) => ({ query: query!, document: document!, grade: grade! }));
  const missing = documents.flatMap((_, document) =>
    pairs.some((pair) => pair.document === document) ? [] : [{ query: 8, document, grade: 0 }],
  );
  return rowsOf(
    [...missing, ...pairs].map(({ query, document, grade }) => ({
      text: `q ${query}`,
      textPair: `d ${document}`,
      label: String(grade),
    })),
  );
}

/** A model that knows the embedding of each text by its tokens, and counts what it is asked. */
function knowing(texts: ReadonlyMap<string, readonly number[]>): { model: FakeModel; asked: string[] } {
  const byIds = new Map([...texts].map(([text, vector]) => [idsOf(text), { text, vector }]));
  const asked: string[] = [];
  const model: FakeModel = ({ ids }) => {
    const { text, vector } = byIds.get(ids.join())!;
    asked.push(text);
    return vectorOf(vector);
  };
  return { model, asked };
}

const idsOf = (text: string): string => tinyTokenizer.encode(text, undefined, 32).ids.join();

const known = new Map([
  ...queries.map((vector, i) => [`q ${i}`, vector] as const),
  ...documents.map((vector, i) => [`d ${i}`, vector] as const),
]);

describe('retrieval', () => {
  it('is scored as scikit-learn and numpy score it, every text embedded once', () => {
    const { model, asked } = knowing(known);
    const { outcome } = runTask(retrieval.begin(contextOf()), judgements(), model);
    expect(outcome.value).toBeCloseTo(expected.ndcg10, 6);
    expect(outcome.secondary['recall@1']).toBeCloseTo(expected.recall1, 12);
    expect(outcome.secondary['recall@10']).toBeCloseTo(expected.recall10, 12);
    expect(outcome.secondary['recall@100']).toBeCloseTo(expected.recall100, 12);
    expect(outcome.secondary['mrr@10']).toBeCloseTo(expected.mrr10, 12);
    expect(asked.toSorted()).toEqual([...known.keys()].toSorted());
    expect(outcome.samples).toBe(8);
    expect(outcome.notes).toEqual([
      'retrieval: 8 queries, each among the 120 documents of the data',
      'retrieval: 8 of 9 queries have a relevant document and are scored',
    ]);
    expect(outcome.resampled!(new Int32Array(8).fill(1))).toBeCloseTo(outcome.value!, 12);
    const last = outcome.resampled!(Int32Array.of(0, 0, 0, 0, 0, 0, 0, 3));
    expect(outcome.resampled!(Int32Array.of(0, 0, 0, 0, 0, 0, 0, 1))).toBe(last);
  });

  it('does not depend on the order of the rows', () => {
    const run = (rows: Row[]) => runTask(retrieval.begin(contextOf()), rows, knowing(known).model).outcome;
    const [forward, backward] = [run(judgements()), run(judgements().reverse())];
    expect(backward.value).toBeCloseTo(forward.value!, 12);
    expect(backward.secondary).toEqual(forward.secondary);
  });

  it('can be measured again, on other rows', () => {
    const run = retrieval.begin(contextOf());
    const all = judgements();
    const half = all.filter((_, i) => i % 2 === 1);
    const once = runTask(run, all, knowing(known).model).outcome;
    const some = runTask(run, half, knowing(known).model).outcome;
    expect(some).toMatchObject({
      ...runTask(retrieval.begin(contextOf()), half, knowing(known).model).outcome,
      resampled: expect.any(Function),
    });
    expect(some.value).not.toBe(once.value);
    expect(runTask(run, all, knowing(known).model).outcome.value).toBe(once.value);
  });

  it('counts a text without a number as the worst, and says how many there are', () => {
    const rows = rowsOf([
      { text: 'a', textPair: 'b' },
      { text: 'c', textPair: 'd' },
      { text: 'e', textPair: 'f' },
    ]);
    const nan = [Number.NaN, 0];
    const texts = new Map([
      ['a', [1, 0]],
      ['b', nan],
      ['c', [1, 1]],
      ['d', [1, 1]],
      ['e', nan],
      ['f', [0, 1]],
    ]);
    const { outcome } = runTask(retrieval.begin(contextOf()), rows, knowing(texts).model);
    expect(outcome.nonFinite).toBe(2);
    // the rank of b for a, of d for c and of f for e
    expect(outcome.value).toBeCloseTo((1 / Math.log2(4) + 1 + 1 / Math.log2(4)) / 3, 12);
    expect(outcome.secondary).toEqual({ 'recall@1': 1 / 3, 'recall@10': 1, 'mrr@10': (1 / 3 + 1 + 1 / 3) / 3 });
  });

  it('gains nothing from embeddings that are all alike, or zero', () => {
    const rows = rowsOf(Array.from({ length: 30 }, (_, i) => ({ text: `q ${i}`, textPair: `d ${i}` })));
    for (const vector of [
      [1, 2],
      [0, 0],
    ]) {
      const { outcome } = runTask(retrieval.begin(contextOf()), rows, () => vectorOf(vector));
      expect(outcome).toMatchObject({ value: 0, nonFinite: 0, secondary: { 'recall@10': 0, 'mrr@10': 0 } });
    }
  });

  it('takes the higher of two grades, and refuses what is none', () => {
    const twice = rowsOf(['1', '3', '0'].map((label) => ({ text: 'a', textPair: 'b', label })));
    const { outcome } = runTask(retrieval.begin(contextOf()), twice, () => vectorOf([1]));
    expect(outcome.value).toBe(1);
    for (const label of ['-1', 'yes', '']) {
      expect(() => retrieval.begin(contextOf()).gold({ line: 7, text: 'a', textPair: 'b', label })).toThrow(
        new DataError(`here.tsv line 7: expected a grade of 0 or more, found '${label}'`),
      );
    }
    expect(() => runTask(retrieval.begin(contextOf()), twice.slice(2), () => vectorOf([1]))).toThrow(
      new DataError('here.tsv: expected a query with a relevant document, found none'),
    );
  });

  it('is guessed for an encoder from pairs without a score, and from queries', () => {
    const outputs = [{ name: 'last_hidden_state', dtype: 'float32' as const, shape: [null, null, 8] }];
    const guess = (columns: { text: string; textPair: string; label?: string }): string =>
      guessTask(undefined, outputs, { columns, rows: [{ line: 1, text: 'a', textPair: 'b', label: '1' }] }).task;
    expect(guess({ text: 'anchor', textPair: 'positive' })).toBe('retrieval');
    expect(guess({ text: 'query', textPair: 'document', label: 'score' })).toBe('retrieval');
    expect(guess({ text: 'sentence1', textPair: 'sentence2', label: 'score' })).toBe('sentence-similarity');
  });
});

it('measures models: a text finds itself', async () => {
  // token vectors are averaged, so that texts of the same words are one: keep those with words of their own
  const bags = new Map(tinyTexts(80).map((text) => [text.split(' ').toSorted().join(' '), text]));
  const rows = rowsOf([...bags.values()].map((text) => ({ text, textPair: text })));
  const run = taskNamed('retrieval').begin(contextOf());
  const { models, differences } = await evaluateFiles('retrieval', run, rows, ['sentences', 'sentences']);
  expect(rows.length).toBeGreaterThan(40);
  expect(models[0]!.value).toBeGreaterThan(0.95);
  expect(models[1]!.value).toBe(models[0]!.value);
  expect(differences[0]!.parity).toMatchObject({ maxAbs: 0, rows: 2 * rows.length });
});
