import { afterEach, describe, expect, it } from 'vitest';
import { evaluate, sequenceLimit } from '../../src/evaluate/evaluate.ts';
import { compare } from '../../src/evaluate/compare.ts';
import { datasetOf, labelledTexts, openTiny, prepareTiny, releaseAll, someTexts } from './support.ts';

afterEach(releaseAll);

describe('text classification', () => {
  it('scores the labels that a model was given, whatever the batches', async () => {
    const session = await openTiny('classifier');
    const dataset = await labelledTexts(session, 60);
    const prepared = await prepareTiny('text-classification', dataset);
    const calls: [number, number][] = [];
    const result = await evaluate(session, prepared, { batch: 7, progress: (...call) => calls.push(call) });
    expect(result).toMatchObject({
      task: 'text-classification',
      metric: 'accuracy',
      samples: 60,
      value: 0.8,
      output: { name: 'logits', how: 'by name' },
      nonFinite: 0,
    });
    expect(calls).toHaveLength(9);
    expect(calls.at(-1)).toEqual([60, 60]);
    expect(result.probabilities).toHaveLength(120);
    expect(result.probabilities![0]! + result.probabilities![1]!).toBeCloseTo(1, 6);
  });

  it('gives the same on a model of fixed shape and int32 inputs', async () => {
    const session = await openTiny('classifier');
    const prepared = await prepareTiny('text-classification', await labelledTexts(session, 20));
    const fixed = await evaluate(await openTiny('classifier-fixed'), prepared);
    const free = await evaluate(session, prepared);
    expect(fixed.predictions).toEqual(free.predictions);
    expect(compare(free, fixed, { seed: 1 })).toMatchObject({
      accuracy: { before: 0.8, after: 0.8, drop: 0, relative: 0, ci95: [0, 0], p: 1 },
      parity: { agreement: 1, rows: 20 },
    });
  });

  it('compares with a damaged model', async () => {
    const session = await openTiny('classifier');
    const prepared = await prepareTiny('text-classification', await labelledTexts(session, 60));
    const before = await evaluate(session, prepared);
    const after = await evaluate(await openTiny('classifier-noisy'), prepared);
    const { accuracy, parity } = compare(before, after, { seed: 1 });
    expect(accuracy!.drop).toBeCloseTo(before.value! - after.value!, 12);
    expect(accuracy!.ci95[0]).toBeLessThanOrEqual(accuracy!.drop);
    expect(accuracy!.ci95[1]).toBeGreaterThanOrEqual(accuracy!.drop);
    expect(Object.keys(accuracy!.secondary)).toEqual(['macroF1', 'mcc']);
    expect(parity!.cosine).toBeLessThan(1);
    expect(parity!.kl).toBeGreaterThan(0);
    const same = before.predictions!.filter((p, i) => p === after.predictions![i]).length / 60;
    expect(parity!.agreement).toBeCloseTo(same, 12);
    expect(compare(before, after, { seed: 1 })).toEqual({ accuracy, parity });
  });

  it('counts rows with NaN as wrong and keeps every number finite', async () => {
    const session = await openTiny('classifier');
    const prepared = await prepareTiny('text-classification', await labelledTexts(session, 30));
    const before = await evaluate(session, prepared);
    const after = await evaluate(await openTiny('classifier-nan'), prepared);
    expect(after.nonFinite).toBe(30); // [CLS] has an even id
    expect(after.value).toBe(0);
    const { accuracy, parity } = compare(before, after, { seed: 1 });
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

  it('pools tokens as a model that pools by itself', async () => {
    const prepared = await prepareTiny('sentence-similarity', pairs());
    expect(prepared.sequences.length).toBeLessThan(80); // equal sentences are run once
    const given = await evaluate(await openTiny('sentences'), prepared, { batch: 5 });
    expect(given.output).toEqual({ name: 'sentence_embedding', how: 'by name' });
    expect(given.metric).toBe('spearman');
    expect(Number.isFinite(given.value)).toBe(true);
    expect(given.scores).toHaveLength(40);
    const alone = await evaluate(await openTiny('sentences'), prepared, { batch: 1 });
    alone.scores!.forEach((score, i) => expect(score).toBeCloseTo(given.scores![i]!, 5));
    expect(compare(given, alone, { seed: 2 }).accuracy).toMatchObject({ metric: 'spearman', samples: 40 });
  });

  it('takes the mean over tokens of the mask', async () => {
    const prepared = await prepareTiny('sentence-similarity', pairs());
    const tokens = await evaluate(await openTiny('encoder'), prepared, { batch: 5 });
    expect(tokens.output.name).toBe('last_hidden_state');
    const alone = await evaluate(await openTiny('encoder'), prepared, { batch: 1 });
    alone.scores!.forEach((score, i) => expect(score).toBeCloseTo(tokens.scores![i]!, 5));
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
    const result = await evaluate(await openTiny('sentences'), await prepareTiny('sentence-similarity', equal));
    expect(result).toMatchObject({ value: 0, notes: [expect.stringContaining('undefined')] });
  });

  it('needs a second text', async () => {
    await expect(prepareTiny('sentence-similarity', datasetOf([{ text: 'a', label: '1' }]))).rejects.toThrow(
      'expected a second text column for sentence-similarity',
    );
  });
});

describe('feature extraction', () => {
  it('has vectors and no score', async () => {
    const prepared = await prepareTiny('feature-extraction', datasetOf(someTexts(9).map((text) => ({ text }))));
    const before = await evaluate(await openTiny('encoder'), prepared);
    const after = await evaluate(await openTiny('encoder'), prepared, { batch: 2 });
    expect(before.value).toBeUndefined();
    expect(before.vectors).toMatchObject({ width: 8, rows: 9 });
    const { accuracy, parity } = compare(before, after, { seed: 1 });
    expect(accuracy).toBeUndefined();
    expect(parity!.cosine).toBeCloseTo(1, 6);
    expect(parity).not.toHaveProperty('agreement');
  });

  it('does not pad for a model without a mask, and reads float16', async () => {
    const prepared = await prepareTiny('feature-extraction', datasetOf(someTexts(9).map((text) => ({ text }))));
    const half = await evaluate(await openTiny('encoder-half'), prepared);
    expect(half.output).toEqual({ name: 'token_embeddings', how: 'by name' });
    const alone = await evaluate(await openTiny('encoder-half'), prepared, { batch: 1 });
    expect(half.vectors.data).toEqual(alone.vectors.data);
  });
});

describe('running', () => {
  it('stops at the next batch when told to', async () => {
    const prepared = await prepareTiny('feature-extraction', datasetOf(someTexts(9).map((text) => ({ text }))));
    const stop = new AbortController();
    const run = evaluate(await openTiny('encoder'), prepared, {
      batch: 2,
      signal: stop.signal,
      progress: () => stop.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
  });

  it('names an input that cannot be fed', async () => {
    const prepared = await prepareTiny('feature-extraction', datasetOf([{ text: 'a' }]));
    await expect(evaluate(await openTiny('unfeedable'), prepared)).rejects.toThrow(
      "input 'boxes': expected ids, mask, segments or positions, found an input that cannot be fed from text",
    );
  });

  it('refuses to compare different rows', async () => {
    const session = await openTiny('encoder');
    const [a, b] = [
      await prepareTiny('feature-extraction', datasetOf([{ text: 'a' }])),
      await prepareTiny('feature-extraction', datasetOf([{ text: 'a' }, { text: 'b' }])),
    ];
    const [x, y] = [await evaluate(session, a), await evaluate(session, b)];
    expect(() => compare(x, y, { seed: 0 })).toThrow(RangeError);
  });

  it('limits the length by what is known', () => {
    expect(sequenceLimit({})).toBe(512);
    expect(sequenceLimit({ asked: 128, tokenizer: { maxLength: 64 }, fixed: { batch: 1 } })).toBe(64);
    expect(sequenceLimit({ asked: 128, fixed: { sequence: 16 } })).toBe(16);
  });
});
