import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/data/dataset.ts';
import type { Tokenizer, WindowEncoding } from '../../../src/data/tokenizer/tokenizer.ts';
import { DataError, ModelError } from '../../../src/errors.ts';
import { createRandom } from '../../../src/math/random.ts';
import type { Session } from '../../../src/runtime/session.ts';
import vectors from '../squad-vectors.json' with { type: 'json' };
import { begin, fakeSession, measure, rowsOf, tiny } from './fake.ts';

const task = 'question-answering';

/** Id of the only token of a word. */
function idOf(word: string): number {
  return tiny.encodeWords([word], 9).encoding.ids[1]!;
}

/** Starts the answer at the word `first`, ends it at `last`; the first token scores `none` twice. */
function reader(first: string, last: string, none = 0): Session {
  const [start, end] = [idOf(first), idOf(last)];
  const logit = (id: number) => (ids: readonly number[], at: number) => [at === 0 ? none : ids[at] === id ? 2 : -1];
  return fakeSession({ end_logits: logit(end), start_logits: logit(start) });
}

function question(text: string, answers: readonly string[], textPair = 'good'): Omit<Row, 'line'> {
  return { text, textPair, answers };
}

type Span = (typeof vectors.spans)[number];

/** A tokenizer that gives the windows of a vector: [CLS] question [SEP] one-letter words [SEP]. */
function windowsOf({ windows, context }: Span): Tokenizer {
  const encodeWindows = (): WindowEncoding[] =>
    windows.map((window) => {
      const length = window.start.length;
      const offsets = Int32Array.from({ length: 2 * length }, (_, i) => {
        const token = (i >> 1) - window.question - 2;
        return token < 0 || i >> 1 === length - 1 ? -1 : 2 * (window.first + token) + (i % 2);
      });
      expect(offsets.every((offset) => offset <= context.length)).toBe(true);
      return { encoding: { ids: new Int32Array(length), segments: new Uint8Array(length) }, offsets };
    });
  return { ...tiny, encodeWindows };
}

/** What the task answers where a model gives the logits of a vector. */
function answer(span: Span, unanswerable: boolean): string {
  const run = begin(task, { tokenizer: windowsOf(span) });
  const row = { line: 1, ...question(span.context, ['x']) };
  if (unanswerable) run.gold({ ...row, answers: [] });
  const gold = run.gold(row);
  const example = { row, gold, sequences: run.encode(row, gold) };
  const parts = span.windows.map(({ start, end }, i) => {
    const values = [start, end].map((data) => ({
      name: '',
      data: Float32Array.from(data),
      tokens: data.length,
      width: 1,
    }));
    return run.reduce(values, example, i);
  });
  return run.show!(run.predict(example, parts), example);
}

describe('question answering', () => {
  it('answers as run_qa does, without and with unanswerable questions', () => {
    for (const span of vectors.spans) {
      expect(answer(span, false)).toBe(span.v1);
      expect(answer(span, true)).toBe(span.v2 === '' ? '(no answer)' : span.v2);
    }
  });

  it('scores a data set as the script of SQuAD 2.0', async () => {
    const { rows, scores } = vectors.dataset;
    const run = begin(task);
    const tally = run.tally();
    const examples = rows.map(([predicted = '', ...answers], i) => {
      const row = { line: i + 1, ...question(predicted, answers) };
      return { row, gold: run.gold(row), sequences: [] };
    });
    for (const example of examples) {
      // one window whose only span is the whole text, and better than the first token's 0
      const best = { from: 0, to: example.row.text.length, score: 1 };
      const [start, end] = [new Float32Array(1), new Float32Array(1)];
      tally.add(example, run.predict(example, [{ start, end, best, finite: true }]));
    }
    const found = tally.finish();
    expect(found.samples).toBe(scores.total);
    expect(100 * found.value!).toBeCloseTo(scores.f1, 10);
    const close = (percent: number): number => expect.closeTo(percent / 100, 10) as number;
    expect(found.secondary).toEqual({
      exactMatch: close(scores.exact),
      hasAnsExactMatch: close(scores.HasAns_exact),
      hasAnsF1: close(scores.HasAns_f1),
      noAnsExactMatch: close(scores.NoAns_exact),
    });
    const random = createRandom(2);
    const counts = new Int32Array(rows.length);
    for (let i = 0; i < rows.length; i++) counts[random.below(rows.length)]!++;
    const again = run.tally();
    counts.forEach((count, i) => {
      const window = { start: new Float32Array(1), end: new Float32Array(1), finite: true };
      const best = { from: 0, to: examples[i]!.row.text.length, score: 1 };
      for (let k = 0; k < count; k++) again.add(examples[i]!, run.predict(examples[i]!, [{ ...window, best }]));
    });
    expect(found.resampled!(counts)).toBeCloseTo(again.finish().value!, 12);
  });

  it('cuts the answer out of the context as it stands there', async () => {
    const data = rowsOf([
      question('The  Movie, (Was) very\tGOOD!', ['movie was', 'x']),
      question('a movie was bad', ['bad']),
    ]);
    const { models } = await measure(task, data, [reader('movie', 'was')]);
    expect(models[0]).toMatchObject({
      samples: 2,
      metric: 'f1',
      value: 0.5,
      secondary: { exactMatch: 0.5 },
      nonFinite: 0,
    });
    expect([...models[0]!.correct!]).toEqual([1, 0]);
    expect(models[0]!.outputs.map(({ name }) => name)).toEqual(['start_logits', 'end_logits']);
    expect(Object.keys(models[0]!.secondary)).toEqual(['exactMatch']);
    const run = begin(task);
    const row = { line: 1, ...question('The  Movie, (Was) very', ['a', '', 'a']) };
    expect(run.showGold!(run.gold(row))).toBe('a | (no answer)');
  });

  it('finds an answer in the last window of a long context', async () => {
    const filler = Array.from({ length: 300 }, () => 'the').join(' ');
    const data = rowsOf([
      question(`${filler} dance of man ${filler} i`, ['Dance of man']),
      question('dance of man', ['dance of man']),
    ]);
    const { models } = await measure(task, data, [reader('dance', 'man')], { maxLength: 24 });
    expect(models[0]).toMatchObject({ value: 1, secondary: { exactMatch: 1 } });
  });

  it('answers nothing where data has unanswerable questions and the first token scores more', async () => {
    const rows = [question('movie was bad', ['movie was']), question('a movie was bad', [])];
    const scoreOf = async (none: number): Promise<Record<string, number>> => {
      const { models } = await measure(task, rowsOf(rows), [reader('movie', 'was', none)]);
      return { f1: models[0]!.value!, ...models[0]!.secondary };
    };
    // the span scores 2 + 2, the first token twice `none`
    expect(await scoreOf(1.9)).toEqual({
      f1: 0.5,
      exactMatch: 0.5,
      hasAnsExactMatch: 1,
      hasAnsF1: 1,
      noAnsExactMatch: 0,
    });
    expect(await scoreOf(2)).toMatchObject({ hasAnsF1: 1 });
    expect(await scoreOf(2.1)).toEqual({
      f1: 0.5,
      exactMatch: 0.5,
      hasAnsExactMatch: 0,
      hasAnsF1: 0,
      noAnsExactMatch: 1,
    });
    const { models } = await measure(task, rowsOf(rows.slice(0, 1)), [reader('movie', 'was', 9)]);
    expect(models[0]!.value).toBe(1);
    const none = await measure(task, rowsOf(rows.slice(1)), [reader('movie', 'was', 9)]);
    expect(none.models[0]!.secondary).toEqual({ exactMatch: 1, noAnsExactMatch: 1 });
  });

  it('counts NaN as wrong, even where nothing is right', async () => {
    const nan = (ids: readonly number[], at: number): number[] => [ids[at] === idOf('bad') ? Number.NaN : at];
    const session = fakeSession({ start_logits: nan, end_logits: nan });
    const rows = [question('very bad', []), question('very good', ['very good'])];
    const { models, differences } = await measure(
      task,
      rowsOf(rows),
      [reader('bad', 'very', 5), session],
      {},
      { showChanged: 5 },
    );
    expect(models[1]).toMatchObject({ nonFinite: 1, secondary: { noAnsExactMatch: 0 } });
    expect(differences[0]!.changed[0]).toMatchObject({
      line: 2,
      gold: '(no answer)',
      before: '(no answer)',
      after: 'no number',
      loss: 1,
    });
  });

  it('compares starts and ends, and shows what got worse', async () => {
    const rows = [question('movie was very bad', ['movie was very bad']), question('i dance', ['i'])];
    const sessions = [reader('movie', 'bad'), reader('movie', 'bad'), reader('movie', 'was')];
    const { differences } = await measure(task, rowsOf(rows), sessions, {}, { showChanged: 5 });
    expect(differences[0]).toMatchObject({ parity: { maxAbs: 0, agreement: 1, rows: 4, kl: 0 }, changed: [] });
    expect(differences[1]!.parity!.agreement).toBe(0.5);
    expect(differences[1]!.changed).toEqual([
      {
        line: 2,
        text: 'movie was very bad',
        textPair: 'good',
        gold: 'movie was very bad',
        before: 'movie was very bad',
        after: 'movie was',
        loss: expect.closeTo(1 - 4 / 6, 12) as number,
      },
    ]);
  });

  it('chooses outputs by name, or the only two of rank 2', () => {
    const chosen = (...names: string[]): string[] =>
      begin(task)
        .outputs(names.map((name) => ({ name, dtype: 'float32', shape: [null, null] })))
        .map(({ name }) => name);
    expect(chosen('end_logits', 'other', 'start_logits')).toEqual(['start_logits', 'end_logits']);
    expect(chosen('output_0', 'output_1')).toEqual(['output_0', 'output_1']);
    expect(() => chosen('logits')).toThrow(
      new ModelError('outputs: expected start_logits and end_logits, found logits'),
    );
    const wide = fakeSession(
      { start_logits: () => [1, 2], end_logits: () => [1, 2] },
      { start_logits: 2, end_logits: 2 },
    );
    return expect(measure(task, rowsOf([question('a', ['a'])]), [wide])).rejects.toThrow(
      new ModelError("output 'start_logits': expected one logit a token, found 2"),
    );
  });

  it('names the line of what cannot be asked', async () => {
    const session = reader('movie', 'was');
    await expect(
      measure(task, rowsOf([question('a', ['a']), { text: 'x', textPair: 'y' }]), [session]),
    ).rejects.toThrow(new DataError('here.txt line 3: expected a context, a question and answers, found no answers'));
    await expect(measure(task, rowsOf([{ text: 'x', answers: [] }]), [session])).rejects.toThrow('found no a question');
    const long = question('the the the the', ['the'], 'the the the the the the');
    await expect(measure(task, rowsOf([long]), [session], { maxLength: 12 })).rejects.toThrow(
      /^here\.txt line 2: length: expected more than 13 tokens/,
    );
  });

  it('wants to know all rows before it answers', () => {
    const run = begin(task);
    const row = { line: 1, ...question('a', ['a']) };
    run.predict({ row, gold: run.gold(row), sequences: [] }, []);
    expect(() => run.gold({ ...row, answers: [] })).toThrow('before a prediction');
  });
});
