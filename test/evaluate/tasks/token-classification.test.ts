import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.ts';
import type { Evaluations } from '../../../src/evaluate/evaluate.ts';
import { DataError, ModelError } from '../../../src/errors.ts';
import { createRandom } from '../../../src/math/random.ts';
import type { Session } from '../../../src/runtime/session.ts';
import vectors from '../../math/entity-vectors.json' with { type: 'json' };
import { begin, fakeSession, measure, rowsOf, tiny } from './fake.ts';

const task = 'token-classification';
/** A word a label; the first is two tokens, of which only the first may count. */
const words = ['riding', 'good', 'bad', 'movie', 'was', 'very', 'not', 'it', 'man'];
const firstToken = words.map((word) => tiny.encodeWords([word], 9).encoding.ids[1]!);
const nan = tiny.encodeWords(['child'], 9).encoding.ids[1]!;

/** Says label i of every word i, NaN of 'child', and the last label of any other token. */
function tagger(labels: number, shift = 0): Session {
  return fakeSession(
    {
      logits(ids, at) {
        const found = firstToken.indexOf(ids[at]!);
        const label = found < 0 ? labels - 1 : (found + shift) % labels;
        return Array.from({ length: labels }, (_, i) => (ids[at] === nan ? Number.NaN : i === label ? 3 : i / labels));
      },
    },
    { logits: labels },
  );
}

/** Sentences of which `tagger` says `said`; the data says `gold`. */
function sentences(labels: readonly string[], gold: readonly string[], said: readonly string[]): Dataset {
  return rowsOf(
    gold.map((tags, i) => {
      const own = said[i]!.split(' ').map((tag) => words[labels.indexOf(tag)]!);
      return { text: own.join(' '), words: own, tags: tags.split(' ') };
    }),
  );
}

async function one(
  labels: readonly string[],
  gold: readonly string[],
  said: readonly string[],
): Promise<Evaluations['models'][0]> {
  const { models } = await measure(task, sentences(labels, gold, said), [tagger(labels.length)], { labels });
  return models[0]!;
}

const sets = vectors.sets.filter(({ name }) => name.includes('random') || name.includes('places'));

describe('token classification', () => {
  it.each(sets)('scores as the script and the library do: $name', async ({ gold, predicted, conlleval, seqeval }) => {
    const labels = [...new Set([...gold, ...predicted].flatMap((line) => line.split(' ')))].toSorted();
    const found = await one(labels, gold, predicted);
    const { precision, recall, accuracy, f1 } = seqeval ?? percent(conlleval!);
    expect(found.samples).toBe(gold.length);
    expect(found.value).toBeCloseTo(f1, 7);
    expect(found.secondary).toMatchObject({
      precision: expect.closeTo(precision, 7) as number,
      recall: expect.closeTo(recall, 7) as number,
      accuracy: expect.closeTo(accuracy, 7) as number,
    });
    if (seqeval) expect(found.secondary['macroF1']).toBeCloseTo(seqeval.macroF1, 12);
    expect(found.notes).toHaveLength(seqeval ? 0 : 1);
  });

  it('scores a resample as if its sentences were written out', async () => {
    const { gold, predicted } = sets[0]!;
    const labels = [...new Set(gold.flatMap((line) => line.split(' ')))];
    const { resampled } = await one(labels, gold, predicted);
    const random = createRandom(9);
    const counts = new Int32Array(gold.length);
    for (let i = 0; i < gold.length; i++) counts[random.below(gold.length)]!++;
    const drawn = (lines: readonly string[]): string[] =>
      lines.flatMap((line, i) => Array.from({ length: counts[i]! }, () => line));
    expect(resampled!(counts)).toBeCloseTo((await one(labels, drawn(gold), drawn(predicted))).value!, 12);
    expect(resampled!(new Int32Array(gold.length))).toBeNaN();
  });

  const labels = ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC'];

  it('calls a sentence right where its entities are, whatever the tags', async () => {
    const said = ['O B-PER I-PER', 'O I-PER I-PER', 'O B-PER B-PER', 'O O O', 'B-LOC O O'];
    const { correct, confusion } = await one(
      labels,
      [...said.slice(0, 1), 'O B-PER I-PER', 'O B-PER I-PER', 'O O O', 'O O O'],
      said,
    );
    expect([...correct!]).toEqual([1, 1, 0, 1, 0]);
    expect([...confusion!].slice(0, 10)).toEqual([8, 0, 0, 1, 0, 0, 2, 1, 0, 0]);
  });

  it('takes words without logits for O and says so', async () => {
    const data = sentences(labels, ['O O B-PER I-PER O', 'B-LOC O'], ['O O B-PER I-PER O', 'B-LOC O']);
    const { models } = await measure(task, data, [tagger(5)], { labels, maxLength: 6 }); // [CLS] rid ##ing rid ##ing [SEP]
    expect(models[0]).toMatchObject({
      samples: 2,
      value: 2 / 3,
      secondary: { precision: 1, recall: 0.5, accuracy: 5 / 7 },
    });
    expect(models[0]!.notes).toEqual(['3 of 7 words have no token within 6 tokens: they count as O']);
  });

  it('counts a sentence with NaN as wrong and without entities', async () => {
    const data = rowsOf([
      { text: 'good child', words: ['good', 'child'], tags: ['B-PER', 'O'] },
      { text: 'good very', words: ['good', 'riding'], tags: ['B-PER', 'O'] },
      { text: 'child', words: ['child'], tags: ['O'] },
    ]);
    const { models } = await measure(task, data, [tagger(5)], { labels });
    expect(models[0]).toMatchObject({ nonFinite: 2, value: 2 / 3, secondary: { accuracy: 2 / 5, precision: 1 } });
    expect([...models[0]!.correct!]).toEqual([0, 1, 0]);
  });

  it('takes BIO of one kind for a model of the other', async () => {
    const iob1 = ['O', 'I-PER', 'I-LOC'];
    const found = await one(iob1, ['B-PER I-PER O', 'B-LOC O O'], ['I-PER I-PER O', 'I-LOC O O']);
    expect(found).toMatchObject({ value: 1, secondary: { accuracy: 4 / 6 } });
    expect(found.notes.join()).toMatch(/^2 of 6 tags are no labels of the model/);
  });

  it('takes labels without regard to case, and integers', async () => {
    const found = await one(labels, ['o b-per i-Per', '0 3 4'], ['O B-PER I-PER', 'O B-LOC I-LOC']);
    expect(found).toMatchObject({ value: 1, secondary: { accuracy: 1 } });
    const { models } = await measure(task, sentences(['0', '1'], ['0 1 1'], ['0 1 0']), [tagger(2)]);
    expect(models[0]).toMatchObject({ value: 2 / 3, notes: [expect.stringContaining('no B- or I-') as string] });
  });

  it('names the line of a tag that the model does not know', async () => {
    await expect(one(labels, ['O O', 'O B-ORG'], ['O O', 'O O'])).rejects.toThrow(
      new DataError("here.txt line 3: expected one of O, B-PER, I-PER, B-LOC, I-LOC or 0 to 4, found label 'B-ORG'"),
    );
    await expect(measure(task, sentences(['0', '1'], ['0 2'], ['0 1']), [tagger(2)])).rejects.toThrow(
      new DataError("here.txt line 2: expected one of the model's 2 labels, found tag '2'"),
    );
    await expect(measure(task, rowsOf([{ text: 'x' }]), [tagger(2)])).rejects.toThrow(
      new DataError('here.txt line 2: expected words with a tag each, found a text'),
    );
  });

  it('refuses a model with another number of labels', async () => {
    await expect(measure(task, sentences(labels, ['O'], ['O']), [tagger(4)], { labels })).rejects.toThrow(
      new ModelError("output 'logits': expected a score for each of 5 labels, found 4"),
    );
  });

  it('has nothing to divide by where there are no entities', async () => {
    const found = await one(labels, ['O O'], ['O O']);
    expect(found).toMatchObject({ value: 0, secondary: { precision: 0, recall: 0, accuracy: 1, macroF1: 0 } });
    expect(found.notes).toEqual(['the data has no entities: F1 is taken as 0']);
  });

  it('shows entities, and what got worse by entities', async () => {
    const said = ['B-PER I-PER O B-LOC', 'O O B-LOC O', 'B-PER I-PER O O'];
    const { differences } = await measure(
      task,
      sentences(labels, said, said),
      [tagger(5), tagger(5), tagger(5, 2)],
      { labels },
      { showChanged: 2 },
    );
    expect(differences[0]).toMatchObject({ parity: { agreement: 1, cosine: 1, rows: 12 }, changed: [] });
    const [worst, next] = differences[1]!.changed;
    // a shift by two labels: B-PER to B-LOC, I-PER to I-LOC, O to I-PER, B-LOC to O
    expect(worst).toEqual({
      line: 2,
      text: 'good bad riding movie',
      gold: 'PER: good bad; LOC: movie',
      before: 'PER: good bad; LOC: movie',
      after: 'LOC: good bad; PER: riding',
      loss: 4,
    });
    expect(next).toMatchObject({ line: 3, after: 'PER: riding riding; PER: riding (word 4)', loss: 3 });
    expect(differences[1]!.parity!.agreement).toBe(0);
  });

  it('never shows different entities alike', () => {
    const run = begin(task, { labels });
    const row = { line: 1, text: '', words: ['London', 'in', 'London'], tags: ['B-LOC', 'O', 'O'] };
    const last = { ...row, tags: ['O', 'O', 'B-LOC'] };
    expect(run.showGold!(run.gold(row))).toBe('LOC: London (word 1)');
    expect(run.showGold!(run.gold(last))).toBe('LOC: London (word 3)');
    expect(run.showGold!(run.gold({ ...row, tags: ['O', 'O', 'O'] }))).toBe('no entities');
  });
});

function percent(scores: { precision: number; recall: number; accuracy: number; f1: number }): typeof scores {
  const { precision, recall, accuracy, f1 } = scores;
  return { precision: precision / 100, recall: recall / 100, accuracy: accuracy / 100, f1: f1 / 100 };
}
