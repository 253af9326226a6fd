// Fine-tuning from data file to model folder: what is learned, what is written, what is refused.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { train, type TrainModelOptions } from '../../../src/fit.ts';
import { asFloat32 } from '../../../src/ir/tensor.ts';
import { sweep } from '../../../src/ir/sweep.ts';
import { freshHeads } from '../../../src/passes/head/head.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import { reportSchema } from '../../../src/report/schema.ts';
import { labels, modelFolder } from '../../support/model-folder.ts';

const fillers = 'the a movie was very it dance and of child man'.split(' ');
/** Texts of which one word tells the label. */
const text = (i: number, word: string): string =>
  [...Array.from({ length: 2 + (i % 4) }, (_, j) => fillers[(i * 5 + j * 3) % fillers.length]!), word].join(' ');

function rows(folder: string, name: string, count: number, label: (good: boolean) => string): string {
  const path = join(folder, name);
  const lines = Array.from({ length: count }, (_, i) => `${text(i, i % 2 ? 'good' : 'bad')}\t${label(i % 2 === 1)}`);
  writeFileSync(path, ['text\tlabel', ...lines, ''].join('\n'));
  return path;
}

/** One layer learns these rows as well as two. */
const small = { layers: 1 };
const sided = (good: boolean): string => (good ? 'up' : 'down');
const quick = { rate: 5e-3, batch: 16, threads: 1, output: 'out', weightDecay: 0 } as const;
/** Trains with the output in the model's own folder. */
const trained = (folder: string, options: TrainModelOptions) =>
  train(folder, { ...quick, ...options, output: join(folder, options.output ?? 'out') });
const json = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
const weight = (path: string, name: string): number[] => [...asFloat32(readModel(path).graph.initializers.get(name)!)];

describe('a fresh head', () => {
  const folder = modelFolder();
  const data = rows(folder, 'train.tsv', 160, sided);

  it('learns labels that the model does not have, and the folder says so', async () => {
    const before = readFileSync(join(folder, 'onnx/model.onnx'));
    const report = await trained(folder, { data, epochs: 5, minMetric: '95%' });
    expect(reportSchema.parse(report)).toEqual(report);
    expect(report.verdict).toBe('pass');
    expect(report.accuracy!.after).toBeGreaterThan(0.95);
    expect(report.accuracy!.before).toBeLessThan(0.8);
    const { training } = report;
    expect(training).toMatchObject({ steps: 45, epochs: 5, rows: { train: 144, dev: 16 }, stopped: 'done' });
    expect(training!.curve.at(-1)!.loss).toBeLessThan(0.3 * training!.curve[0]!.loss);
    expect(training!.evaluations).toHaveLength(5);
    expect(report.notes).toContain(
      "a fresh head is trained: the model's head has other labels (negative, neutral, positive); labels down, up",
    );
    expect(json(join(folder, 'out/config.json'))).toMatchObject({
      architectures: ['BertForSequenceClassification'],
      id2label: { 0: 'down', 1: 'up' },
      label2id: { down: 0, up: 1 },
      problem_type: 'single_label_classification',
    });
    expect(readModel(join(folder, 'out/onnx/model.onnx')).graph.outputs).toMatchObject([
      { name: 'logits', shape: ['batch', 2] },
    ]);
    expect(existsSync(join(folder, 'out/tokenizer.json'))).toBe(true);
    expect(existsSync(join(folder, 'out.checkpoint'))).toBe(false);
    expect(readFileSync(join(folder, 'onnx/model.onnx'))).toEqual(before);
  });

  it('is the same bytes for the same seed, others for another', async () => {
    const few = rows(folder, 'few.tsv', 32, sided);
    const bytes = async (output: string, seed: number): Promise<Buffer> => {
      await trained(folder, { data: few, steps: 3, split: 0, seed, output });
      return readFileSync(join(folder, output, 'onnx/model.onnx'));
    };
    const [a, b, c] = [await bytes('a', 1), await bytes('b', 1), await bytes('c', 2)];
    expect(a.equals(b)).toBe(true);
    expect(a.equals(c)).toBe(false);
  });

  it('keeps the tables and what is frozen by name', async () => {
    const model = (name: string): string => join(folder, name, 'onnx/model.onnx');
    await trained(folder, { data, steps: 1, split: 0, freeze: ['layer.0.*'], output: 'frozen' });
    await trained(folder, { data, steps: 1, split: 0, trainEmbeddings: true, output: 'tables' });
    const own = (name: string): number[] => weight(join(folder, 'onnx/model.onnx'), name);
    const same = (output: string, name: string): boolean => isDeepStrictEqual(weight(model(output), name), own(name));
    expect(
      ['word_embeddings', 'layer.0.query.weight', 'layer.1.query.weight'].map((name) => same('frozen', name)),
    ).toEqual([true, true, false]);
    expect(['word_embeddings', 'layer.0.query.weight'].map((name) => same('tables', name))).toEqual([false, false]);
  });
});

describe("the model's own head", () => {
  const folder = modelFolder(small);

  it('is trained where it has the labels; a class without rows is told', async () => {
    const data = rows(folder, 'own.tsv', 80, (good) => (good ? labels[2]! : labels[0]!));
    const report = await trained(folder, { data, steps: 30 });
    expect(report.accuracy!.after).toBeGreaterThan(0.9);
    expect(report.notes).toContain("the model's own head is trained: output logits, 3 labels");
    expect(report.notes).toContain('no row to train on has the label neutral: the model cannot learn to give it');
    expect(json(join(folder, 'out/config.json'))['id2label']).toEqual({ 0: 'negative', 1: 'neutral', 2: 'positive' });
  });

  it('is not replaced because of one strange label', async () => {
    const data = rows(folder, 'strange.tsv', 20, (good) => (good ? 'positive' : 'negativ'));
    await expect(trained(folder, { data, steps: 1, output: 'x' })).rejects.toThrow(
      /strange\.tsv line 2: expected one of the model's labels negative, neutral, positive, found 'negativ': --head fresh/,
    );
    const report = await trained(folder, { data, steps: 1, head: 'fresh', output: 'x' });
    expect(report.notes.join()).toContain('labels negativ, positive');
  });
});

describe('other tasks', () => {
  const folder = modelFolder(small);
  const write = (name: string, lines: string[]): string => {
    writeFileSync(join(folder, name), lines.join('\n'));
    return join(folder, name);
  };
  /** Judging opens a session, which takes longer than steps do. */
  const rarely = { evaluateEvery: 40 };
  const falls = ({ training }: Awaited<ReturnType<typeof trained>>): number =>
    training!.curve.at(-1)!.loss / training!.curve[0]!.loss;

  it('token classification', async () => {
    const sentences = Array.from({ length: 80 }, (_, i) =>
      text(i, i % 2 ? 'good' : 'bad')
        .split(' ')
        .map((word) => `${word} ${word === 'good' ? 'B-UP' : word === 'bad' ? 'B-DOWN' : 'O'}\n`)
        .join(''),
    );
    const report = await trained(folder, {
      data: write('words.conll', [...sentences]),
      epochs: 8,
      ...rarely,
      output: 'tok',
    });
    expect(report.accuracy).toMatchObject({ task: 'token-classification', metric: 'f1' });
    expect(report.accuracy!.after).toBeGreaterThan(0.9);
    expect(json(join(folder, 'tok/config.json'))).toMatchObject({
      architectures: ['BertForTokenClassification'],
      id2label: { 0: 'O', 1: 'B-DOWN', 2: 'B-UP' },
    });
  });

  it('similarity of two texts, by an encoder without a head', async () => {
    const encoder = modelFolder(small);
    const path = join(encoder, 'onnx/model.onnx');
    const model = readModel(path);
    model.graph.outputs = [{ name: 'layer.0.hidden', dtype: 'float32', shape: ['batch', 'sequence', 32] }];
    sweep(model.graph);
    writeModel(model, `${path}.new`);
    renameSync(`${path}.new`, path);
    const pairs = Array.from(
      { length: 80 },
      (_, i) => `${text(i, 'good')}\t${text(i + 1, i % 2 ? 'good' : 'bad')}\t${i % 2 ? '4.5' : '0.5'}`,
    );
    const data = write('pairs.tsv', ['sentence1\tsentence2\tscore', ...pairs]);
    const report = await train(encoder, {
      ...quick,
      data,
      ...rarely,
      epochs: 12,
      dropout: 0.1,
      output: join(encoder, 'out'),
    });
    expect(report.accuracy).toMatchObject({ task: 'sentence-similarity', metric: 'spearman' });
    expect(report.accuracy!.after).toBeGreaterThan(0.8);
    expect(falls(report)).toBeLessThan(0.3);
  });

  it('words of plain text, by a model that fills masks', async () => {
    const masked = modelFolder(small);
    const path = join(masked, 'onnx/model.onnx');
    const given = readModel(path);
    const [words] = given.graph.initializers.get('word_embeddings')!.shape;
    const options = freshHeads.options.parse({ heads: [{ labels: words, per: 'token' }] });
    const { model } = freshHeads.run(given, options, { log: () => {}, progress: () => {} });
    writeModel(model, `${path}.new`);
    renameSync(`${path}.new`, path);
    // every text has the same five words, in one order: each can be told from those beside it
    writeFileSync(join(masked, 'plain.txt'), 'a good movie of man\n'.repeat(120));
    const data = join(masked, 'plain.txt');
    const dev = { dev: data, samples: 60, epochs: 30, evaluateEvery: 60, output: join(masked, 'out') };
    const report = await train(masked, { ...quick, data, ...dev });
    expect(report.notes).toContain('task fill-mask, guessed from text without labels: name another with --task');
    expect(report.accuracy).toMatchObject({ task: 'fill-mask', metric: 'top1' });
    expect(report.accuracy!.before).toBeLessThan(0.3);
    expect(report.accuracy!.after).toBeGreaterThan(0.9);
    expect(json(join(masked, 'out/config.json'))['architectures']).toEqual(['BertForMaskedLM']);
  });

  it('several labels', async () => {
    const lines = Array.from({ length: 80 }, (_, i) =>
      JSON.stringify({ text: text(i, i % 2 ? 'good' : 'bad'), labels: i % 2 ? ['up', 'seen'] : ['seen'] }),
    );
    const report = await trained(folder, {
      data: write('several.jsonl', lines),
      epochs: 20,
      ...rarely,
      output: 'multi',
    });
    expect(report.accuracy).toMatchObject({ metric: 'microF1' });
    expect(report.accuracy!.after).toBeGreaterThan(0.9);
    expect(json(join(folder, 'multi/config.json'))['problem_type']).toBe('multi_label_classification');
  });

  it('regression', async () => {
    const data = rows(folder, 'scores.tsv', 80, (good) => (good ? '0.9' : '-1.1'));
    const report = await trained(folder, { data, epochs: 18, ...rarely, output: 'score' });
    expect(report.accuracy).toMatchObject({ metric: 'spearman' });
    expect(falls(report)).toBeLessThan(0.2);
    expect(json(join(folder, 'score/config.json'))).toMatchObject({ problem_type: 'regression', num_labels: 1 });
  });
});

describe('a run that is cut short', () => {
  const folder = modelFolder(small);
  const data = rows(folder, 'train.tsv', 160, sided);
  const model = (output: string): string => join(folder, output, 'onnx/model.onnx');

  it('keeps what was learned, and goes on to the same weights', async () => {
    await trained(folder, { data, steps: 12, output: 'whole' });
    const abort = new AbortController();
    let steps = 0;
    const events = { log: () => {}, bar: () => () => void (++steps === 7 && abort.abort(new Error('interrupted'))) };
    const options = { ...quick, data, steps: 12, output: join(folder, 'cut') };
    const report = await train(folder, { ...options, signal: abort.signal }, events);
    expect(report.training!.stopped).toBe('interrupted');
    expect(report.training!.steps).toBeLessThan(12);
    expect(existsSync(model('cut'))).toBe(true);
    expect(existsSync(join(folder, 'cut.checkpoint'))).toBe(true);
    await expect(train(folder, options)).rejects.toThrow(/expected no file there|expected no checkpoint there/);
    const resumed = await train(folder, { ...options, resume: true });
    expect(resumed.training).toMatchObject({ steps: 12, stopped: 'done' });
    expect(readFileSync(model('cut')).equals(readFileSync(model('whole')))).toBe(true);
    expect(existsSync(join(folder, 'cut.checkpoint'))).toBe(false);
  });
});

describe('data preparation', () => {
  it('tells what was left out', async () => {
    const folder = modelFolder(small);
    const path = join(folder, 'messy.tsv');
    const good = Array.from(
      { length: 40 },
      (_, i) => `${text(i, i % 2 ? 'good' : 'bad')} ${fillers[i % 11]} ${fillers[(i * 3) % 7]}\t${sided(i % 2 === 1)}`,
    );
    writeFileSync(
      path,
      ['text\tlabel', ...good, 'a good movie\tup', 'a  good movie\tdown', '\u0007\tup', '\tdown', ''].join('\n'),
    );
    const report = await trained(folder, { data: path, steps: 1, clean: true, deduplicate: true });
    const notes = report.notes.join('\n');
    expect(notes).toMatch(/1 rows could not be used: line 45: no text/);
    expect(notes).toMatch(/cleaned 1 texts; line 44 had nothing left/);
    expect(notes).toMatch(/rows stand there more than once/);
    expect(notes).toMatch(/1 of these have another label than the row that is kept: line 43 \(kept: 42\)/);
  });
});

describe('labels as files have them', () => {
  const folder = modelFolder(small);

  it('are several where | stands between them; sets that are there once are judged by too', async () => {
    const names = ['up', 'down', 'left', 'right', 'in', 'out'];
    const path = join(folder, 'sets.tsv');
    const sets = Array.from({ length: 60 }, (_, i) => names.filter((_name, bit) => (i + 3) & (1 << bit)).join('|'));
    writeFileSync(path, ['text\tlabel', ...sets.map((set, i) => `${text(i, 'good')} ${i}\t${set}`), ''].join('\n'));
    const report = await trained(folder, { data: path, steps: 1, output: 'sets' });
    expect(report.notes).toContain(
      'task multi-label-classification, guessed from labels with | between them: name another with --task',
    );
    expect(report.training!.rows).toEqual({ train: 54, dev: 6 });
  });

  it('are told where they differ in case alone', async () => {
    const data = rows(folder, 'case.tsv', 40, (good) => (good ? 'Up' : 'up'));
    const report = await trained(folder, { data, steps: 1, output: 'case' });
    expect(report.notes).toContain('labels that differ in case alone are classes of their own: Up and up');
  });
});

describe('gates and refusals', () => {
  const folder = modelFolder(small);
  const data = rows(folder, 'train.tsv', 60, sided);
  const lists = join(folder, 'lists.tsv');
  writeFileSync(lists, 'text\tlabel\na movie\t[x\na man\ty\n');
  const scores = rows(folder, 'scores.tsv', 20, (good) => (good ? '0.5' : '1.5'));

  it('a metric below --min-metric rejects the model', async () => {
    const report = await trained(folder, { data, steps: 1, rate: 1e-9, minMetric: '0.99', output: 'low' });
    expect(report.verdict).toBe('fail');
    expect(report.failures[0]).toMatch(/^accuracy: expected at least 99\.00 %, found \d+\.\d+ %$/);
    expect(readdirSync(join(folder, 'low/onnx'))).toEqual(['model.rejected.onnx']);
  });

  it.each<[string, TrainModelOptions, RegExp]>([
    [
      'one label',
      { data: rows(folder, 'one.tsv', 20, () => 'x') },
      /expected at least two labels to tell apart, found 'x'/,
    ],
    [
      'two lengths',
      { data, steps: 1, minutes: 1 },
      /expected one of --epochs, --steps and --minutes, found --steps and --minutes/,
    ],
    [
      'a task that is none',
      { data, task: 'poetry' },
      /--task: expected one of text-classification, .*, found 'poetry'/,
    ],
    ['a share of all', { data, split: 1 }, /--split: expected a share from 0 to below 1, found 1/],
    ['a gate without rows', { data, split: 0, minMetric: '0.5' }, /--min-metric: expected rows to judge by/],
    [
      'words to fill without such a head',
      { data, task: 'fill-mask' },
      /expected an output with a score for each word of the vocabulary/,
    ],
    [
      'a dev label that train has not',
      { data, dev: rows(folder, 'other.tsv', 10, () => 'sideways'), head: 'keep' },
      /found label|expected one of/,
    ],
    [
      'a dev label that the model has not, by its file',
      {
        data: rows(folder, 'own.tsv', 20, (good) => (good ? 'positive' : 'negative')),
        dev: rows(folder, 'sideways.tsv', 10, () => 'sideways'),
      },
      /sideways\.tsv line 2: expected one of the model's labels .*, found 'sideways'/,
    ],
    [
      'a list of labels that is none',
      { data: lists, task: 'multi-label-classification' },
      /lists\.tsv line 2: expected a JSON list of labels, found '\[x'/,
    ],
    [
      'one tag',
      { data: (writeFileSync(join(folder, 'one.conll'), 'a O\nman O\n\n'.repeat(20)), join(folder, 'one.conll')) },
      /expected at least two labels to tell apart, found 'O'/,
    ],
    ['dropout of more than all', { data, dropout: 1.5 }, /--dropout: expected a share from 0 to below 1, found 1\.5/],
    ['smoothing of all', { data, labelSmoothing: 1 }, /--label-smoothing: expected a share from 0 to below 1, found 1/],
    [
      'weights of no class',
      { data: scores, classWeights: 'balanced' },
      /--class-weights: expected a task with classes, found regression/,
    ],
    [
      'labels of scores',
      { data: scores, labels: ['a', 'b'] },
      /--labels: expected a task with labels, found regression/,
    ],
    ['smoothing of scores', { data: scores, labelSmoothing: 0.1 }, /--label-smoothing: .*, found regression/],
    [
      'a fresh head for similarity',
      { data: scores, task: 'sentence-similarity', head: 'fresh' },
      /--head: .*, found sentence-similarity/,
    ],
  ])('%s', async (_name, options, message) => {
    await expect(trained(folder, { ...options, output: 'refused' })).rejects.toThrow(message);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });

  it('a model that is quantized', async () => {
    const { quantize } = await import('../../../src/quantize.ts');
    const { output } = await quantize(folder, { validate: false });
    await expect(train(output.path, { data, output: join(dirname(output.path), 'y') })).rejects.toThrow(
      /layer\.0\.attention\.query\.weight: expected a float32 weight to train, found int8: train the float32 model/,
    );
  });
});
