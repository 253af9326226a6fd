import { afterEach, describe, expect, it } from 'vitest';
import { evaluate, sequenceLimit } from '../../src/evaluate/evaluate.ts';
import { compare } from '../../src/evaluate/compare.ts';
import {
  compareTwo,
  datasetOf,
  evaluateAll,
  evaluateOne,
  labelledTexts,
  openTiny,
  prepareTiny,
  releaseAll,
  someTexts,
} from './support.ts';

afterEach(releaseAll);

describe('text classification', () => {
  it('scores the labels that a model was given, whatever the batches', async () => {
    const session = await openTiny('classifier');
    const ready = await prepareTiny('text-classification', await labelledTexts(session, 60));
    const calls: [number, number][] = [];
    const result = await evaluateOne(session, ready, { batch: 7, progress: (...call) => calls.push(call) });
    expect(result).toMatchObject({
      task: 'text-classification',
      metric: 'accuracy',
      samples: 60,
      value: 0.8,
      outputs: [{ name: 'logits', how: 'by name' }],
      nonFinite: 0,
    });
    expect(calls).toHaveLength(10); // nine batches, and the end of the window
    expect(calls.at(-1)).toEqual([60, 60]);
    expect(calls.every(([done], i) => i === 0 || done >= calls[i - 1]![0])).toBe(true);
  });

  it('gives the same on a model of fixed shape and int32 inputs', async () => {
    const session = await openTiny('classifier');
    const ready = await prepareTiny('text-classification', await labelledTexts(session, 20));
    expect(await compareTwo(session, await openTiny('classifier-fixed'), ready)).toMatchObject({
      accuracy: { before: 0.8, after: 0.8, drop: 0, relative: 0, ci95: [0, 0], p: 1 },
      parity: { agreement: 1, rows: 20 },
    });
  });

  it('compares with a damaged model', async () => {
    const session = await openTiny('classifier');
    const ready = await prepareTiny('text-classification', await labelledTexts(session, 60));
    const noisy = await openTiny('classifier-noisy');
    const found = await compareTwo(session, noisy, ready, { showChanged: 3 });
    const { before, after, accuracy, parity, changed } = found;
    expect(accuracy!.drop).toBeCloseTo(before.value! - after.value!, 12);
    expect(accuracy!.ci95[0]).toBeLessThanOrEqual(accuracy!.drop);
    expect(accuracy!.ci95[1]).toBeGreaterThanOrEqual(accuracy!.drop);
    expect(Object.keys(accuracy!.secondary)).toEqual(expect.arrayContaining(['macroF1', 'mcc']));
    expect(parity!.cosine).toBeLessThan(1);
    expect(parity!.kl).toBeGreaterThan(0);
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.length).toBeLessThanOrEqual(3);
    expect(changed.map((one) => one.loss)).toEqual(changed.map((one) => one.loss).toSorted((a, b) => b - a));
    for (const one of changed) expect(one.after).not.toBe(one.gold);
    expect(await compareTwo(session, noisy, ready, { showChanged: 3 })).toMatchObject({ accuracy, parity, changed });
  });

  it('counts rows with NaN as wrong and keeps every number finite', async () => {
    const session = await openTiny('classifier');
    const ready = await prepareTiny('text-classification', await labelledTexts(session, 30));
    const { after, accuracy, parity } = await compareTwo(session, await openTiny('classifier-nan'), ready);
    expect(after.nonFinite).toBe(30); // [CLS] has an even id
    expect(after.value).toBe(0);
    expect(accuracy).toMatchObject({ after: 0, drop: 0.8 });
    expect(parity).toMatchObject({ cosine: 0, nonFinite: 30, agreement: 0 });
  });

  it('names the line of a label that the model does not have', async () => {
    const dataset = datasetOf([
      { text: 'good', label: '1' },
      { text: 'bad', label: 'neutral' },
    ]);
    await expect(prepareTiny('text-classification', dataset)).rejects.toThrow(
      "here.tsv line 3: expected one of negative, positive or 0 to 1, found label 'neutral'",
    );
    await expect(prepareTiny('text-classification', datasetOf([{ text: 'good', label: '2' }]))).rejects.toThrow(
      "here.tsv line 2: expected one of negative, positive or 0 to 1, found label '2'",
    );
  });

  it('names the line of a label beyond the classes of a model that names none', async () => {
    const ready = await prepareTiny('text-classification', datasetOf([{ text: 'good', label: '2' }]), { labels: [] });
    await expect(evaluateOne(await openTiny('classifier'), ready)).rejects.toThrow(
      "here.tsv line 2: expected one of the model's 2 classes, found label '2'",
    );
  });

  it('needs a label', async () => {
    await expect(prepareTiny('text-classification', datasetOf([{ text: 'good' }]))).rejects.toThrow(
      "here.tsv: expected a label column for text-classification, found only text 'text'",
    );
  });
});

describe('sentence similarity', () => {
  const pairs = () => {
    const texts = someTexts(40);
    return datasetOf(
      texts.map((text, i) => ({ text, textPair: texts[(i * 3 + 1) % 40]!, label: String((i * 7) % 11) })),
    );
  };

  it('takes the vector of a model that pools by itself, whatever the batches', async () => {
    const ready = await prepareTiny('sentence-similarity', pairs());
    const given = await evaluateOne(await openTiny('sentences'), ready, { batch: 5 });
    expect(given.outputs).toEqual([{ name: 'sentence_embedding', how: 'by name' }]);
    expect(given).toMatchObject({ metric: 'spearman', samples: 40 });
    const alone = await evaluateOne(await openTiny('sentences'), ready, { batch: 1 });
    expect(alone.value).toBeCloseTo(given.value!, 5);
    expect(alone.secondary['pearson']).toBeCloseTo(given.secondary['pearson']!, 5);
  });

  it('pools tokens by mean or first token, without padding', async () => {
    const encoder = await openTiny('encoder');
    const values: number[] = [];
    for (const pooling of ['mean', 'cls'] as const) {
      const ready = await prepareTiny('sentence-similarity', pairs(), { pooling });
      const together = await evaluateOne(encoder, ready, { batch: 5 });
      expect(together.outputs[0]!.name).toBe('last_hidden_state');
      const alone = await evaluateOne(encoder, ready, { batch: 1 });
      expect(alone.secondary['pearson']).toBeCloseTo(together.secondary['pearson']!, 5);
      values.push(together.secondary['pearson']!);
    }
    expect(values[0]).not.toBeCloseTo(values[1]!, 3);
    const given = await prepareTiny('sentence-similarity', pairs(), { pooling: 'given' });
    await expect(evaluateOne(encoder, given)).rejects.toThrow(
      "output 'last_hidden_state': expected one vector a text (--pooling given), found one a token",
    );
  });

  it('lists the pairs whose similarity moved most, and tells no agreement', async () => {
    const ready = await prepareTiny('sentence-similarity', pairs());
    const [one, other] = [await openTiny('sentences'), await openTiny('encoder')];
    const { changed, parity } = await compareTwo(one, other, ready, { showChanged: 4 });
    expect(changed).toHaveLength(4);
    for (const { before, after, loss } of changed) {
      const [a, b] = [before, after].map((text) => Number(/^cosine (-?\d\.\d{3})$/.exec(text)![1]));
      expect(Math.abs(a! - b!)).toBeCloseTo(loss, 2);
    }
    expect(parity).not.toHaveProperty('agreement');
    expect((await compareTwo(one, one, ready, { showChanged: 4 })).changed).toEqual([]);
  });

  it('names the line of a score that is no number, and says where nothing can be correlated', async () => {
    const bad = datasetOf([{ text: 'a', textPair: 'b', label: 'high' }]);
    await expect(prepareTiny('sentence-similarity', bad)).rejects.toThrow(
      "here.tsv line 2: expected a number as score, found 'high'",
    );
    const equal = datasetOf([
      { text: 'a', textPair: 'a', label: '1' },
      { text: 'the', textPair: 'the', label: '1' },
    ]);
    const result = await evaluateOne(await openTiny('sentences'), await prepareTiny('sentence-similarity', equal));
    expect(result).toMatchObject({ value: 0, notes: [expect.stringContaining('undefined')] });
  });

  it('needs a second text', async () => {
    await expect(prepareTiny('sentence-similarity', datasetOf([{ text: 'a', label: '1' }]))).rejects.toThrow(
      'expected a second text column for sentence-similarity',
    );
  });
});

describe('feature extraction', () => {
  const texts = (count: number) => datasetOf(someTexts(count).map((text) => ({ text })));

  it('has embeddings, parity and neighbours, and no score', async () => {
    const ready = await prepareTiny('feature-extraction', texts(30));
    const encoder = await openTiny('encoder');
    const { before, accuracy, parity } = await compareTwo(encoder, encoder, ready, { batch: 2 });
    expect(before.value).toBeUndefined();
    expect(before.embeddings).toMatchObject({ width: 8, rows: 30 });
    expect(accuracy).toBeUndefined();
    expect(parity).toMatchObject({ rows: 30, maxAbs: 0, neighbours: 1 });
    expect(parity).not.toHaveProperty('agreement');
  });

  it('does not pad for a model without a mask, and reads float16', async () => {
    const ready = await prepareTiny('feature-extraction', texts(9));
    const half = await evaluateOne(await openTiny('encoder-half'), ready);
    expect(half.outputs).toEqual([{ name: 'token_embeddings', how: 'by name' }]);
    const alone = await evaluateOne(await openTiny('encoder-half'), ready, { batch: 1 });
    expect(half.embeddings).toEqual(alone.embeddings);
  });
});

describe('running', () => {
  it('reads more rows than a window holds, in their order', async () => {
    const session = await openTiny('classifier');
    const texts = someTexts(1500).map((text, i) => ({ text, label: i < 1024 ? '0' : '1' }));
    const ready = await prepareTiny('text-classification', datasetOf(texts));
    const { correct, samples } = await evaluateOne(session, ready);
    expect(samples).toBe(1500);
    const again = await prepareTiny('text-classification', datasetOf(texts.slice(1000)));
    expect([...correct!.subarray(1000)]).toEqual([...(await evaluateOne(session, again)).correct!]);
  });

  it('scores three models as it scores each alone', async () => {
    const classifier = await openTiny('classifier');
    const ready = await prepareTiny('text-classification', await labelledTexts(classifier, 40));
    const sessions = [classifier, await openTiny('classifier-noisy'), await openTiny('classifier-fixed')];
    const { models, differences } = await evaluateAll(sessions, ready);
    const alone = await Promise.all(sessions.map((session) => evaluateOne(session, ready)));
    expect(models.map((model) => model.value)).toEqual(alone.map((model) => model.value));
    expect(differences.map((one) => one.parity!.agreement)).toEqual([expect.any(Number), 1]);
    expect(differences[0]!.parity!.agreement).toBeLessThan(1);
  });

  it('stops at the next batch when told to', async () => {
    const ready = await prepareTiny('feature-extraction', datasetOf(someTexts(9).map((text) => ({ text }))));
    const stop = new AbortController();
    const run = evaluateOne(await openTiny('encoder'), ready, {
      batch: 2,
      signal: stop.signal,
      progress: () => stop.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
  });

  it('names an input that cannot be fed', async () => {
    const ready = await prepareTiny('feature-extraction', datasetOf([{ text: 'a' }]));
    const session = await openTiny('unfeedable');
    await expect(evaluate('feature-extraction', ready.dataset, [{ ...ready, session }])).rejects.toThrow(
      "input 'boxes': expected ids, mask, segments or positions, found an input that cannot be fed from text",
    );
  });

  it('refuses to compare different rows', async () => {
    const session = await openTiny('encoder');
    const one = await prepareTiny('feature-extraction', datasetOf([{ text: 'a' }]));
    const two = await prepareTiny('feature-extraction', datasetOf([{ text: 'a' }, { text: 'b' }]));
    const [x, y] = [await evaluateOne(session, one), await evaluateOne(session, two)];
    expect(() => compare(x, y, { seed: 0 })).toThrow(RangeError);
  });

  it('limits the length by what is known', () => {
    expect(sequenceLimit({})).toBe(512);
    expect(sequenceLimit({ asked: 128, tokenizer: { maxLength: 64 }, fixed: { batch: 1 } })).toBe(64);
    expect(sequenceLimit({ asked: 128, fixed: { sequence: 16 } })).toBe(16);
  });
});
