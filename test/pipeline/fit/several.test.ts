// Several tasks with a head each on one encoder: what is learned and written, how it is judged, what is refused.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { train, type TrainModelOptions } from '../../../src/fit.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { reportSchema } from '../../../src/report/schema.ts';
import { renderHtml } from '../../../src/report/html/page.ts';
import { renderMarkdown } from '../../../src/report/markdown.ts';
import { renderJunit } from '../../../src/report/junit.ts';
import { renderText } from '../../../src/report/text.ts';
import { validate } from '../../../src/validate.ts';
import { modelFolder } from '../../support/model-folder.ts';

const fillers = 'the a movie was very it dance and of child man'.split(' ');
const words = (i: number, ...more: string[]): string[] => [
  ...Array.from({ length: 2 + (i % 4) }, (_, j) => fillers[(i * 5 + j * 3) % fillers.length]!),
  ...more,
];

const folder = modelFolder({ positions: 24 });
const write = (name: string, lines: readonly string[]): string => {
  writeFileSync(join(folder, name), [...lines, ''].join('\n'));
  return join(folder, name);
};
/** good and bad tell the side; the number of the text's first word its place; not is tagged. */
const sides = (name: string, count: number): string =>
  write(name, [
    'text\tlabel',
    ...Array.from(
      { length: count },
      (_, i) => `${words(i, i % 2 ? 'good' : 'bad').join(' ')}\t${i % 2 ? 'up' : 'down'}`,
    ),
  ]);
const tags = (name: string, count: number): string =>
  write(
    name,
    Array.from({ length: count }, (_, i) =>
      words(i, i % 3 ? 'not' : 'good')
        .map((word) => `${word} ${word === 'not' ? 'B-NOT' : 'O'}\n`)
        .join(''),
    ),
  );
const tasks = [
  { name: 'side', data: sides('sides.tsv', 96), dev: sides('sides-dev.tsv', 40) },
  { name: 'tag', data: tags('tags.conll', 48), weight: 2 },
];
const quick = { rate: 5e-3, batch: 16, threads: 1, weightDecay: 0 } as const;
const trained = (output: string, options: Partial<TrainModelOptions> = {}) =>
  train(folder, { ...quick, tasks, epochs: 6, ...options, output: join(folder, output) });
const onnx = (output: string): Buffer => readFileSync(join(folder, output, 'onnx/model.onnx'));

describe('two tasks', () => {
  it('are learned on one encoder, each with an output of its own', async () => {
    const report = await trained('both', { minMetric: '90%' });
    expect(reportSchema.parse(report)).toEqual(report);
    expect(report.verdict).toBe('pass');
    expect(report.accuracy).toBeUndefined();
    expect(
      report.tasks!.map(({ name, output, accuracy: { metric, samples } }) => [name, output, metric, samples]),
    ).toEqual([
      ['side', 'logits_side', 'accuracy', 40],
      ['tag', 'logits_tag', 'f1', 5],
    ]);
    for (const { accuracy } of report.tasks!) expect(accuracy.after).toBeGreaterThan(Math.max(0.9, accuracy.before));
    expect(report.checks!.map(({ gate, at, verdict }) => [gate, at, verdict])).toEqual([
      ['min-metric', 'side accuracy', 'pass'],
      ['min-metric', 'tag f1', 'pass'],
    ]);
    // 6 batches of sides and 3 of tags an epoch
    expect(report.training).toMatchObject({ steps: 54, rows: { train: 139, dev: 45 }, metric: 'meanMetric' });
    const { side, tag } = report.training!.evaluations.at(-1)!.tasks as { side: number; tag: number };
    expect(report.training!.evaluations.at(-1)!.metric).toBeCloseTo((side + tag) / 2, 12);
    expect(report.training!.tasks).toMatchObject([
      { name: 'side', task: 'text-classification', labels: ['down', 'up'], weight: 1, rows: { train: 96, dev: 40 } },
      { name: 'tag', task: 'token-classification', labels: ['O', 'B-NOT'], weight: 2, rows: { train: 43, dev: 5 } },
    ]);
    expect(readModel(join(folder, 'both/onnx/model.onnx')).graph.outputs).toMatchObject([
      { name: 'logits_side', shape: ['batch', 2] },
      { name: 'logits_tag', shape: ['batch', 'sequence', 2] },
    ]);
    expect(JSON.parse(readFileSync(join(folder, 'both/config.json'), 'utf8'))).toMatchObject({
      architectures: ['BertModel'],
      task_heads: {
        side: { output: 'logits_side', id2label: { 0: 'down', 1: 'up' }, problem_type: 'single_label_classification' },
        tag: { output: 'logits_tag', architectures: ['BertForTokenClassification'], label2id: { O: 0, 'B-NOT': 1 } },
      },
    });
    const text = renderText(report, 120);
    expect(text).toMatch(/side: accuracy\s+[\d.]+ %\s+[\d.]+ %/);
    expect(text).toContain('task tag: token-classification by output logits_tag, 43 rows, judged on 5, weight 2');
    expect(renderMarkdown(report)).toMatch(/\| side: accuracy \| [\d.]+ % \|/);
    expect(renderHtml(report)).toContain('The thin lines are the tasks: side, tag.');
    expect(renderJunit(report)).toContain('<testcase name="min-metric: tag f1"');
  });

  it('can be judged one by one, and go on with the heads that they have', async () => {
    const model = join(folder, 'both');
    const data = tasks[0]!.dev!;
    const report = await validate(model, [join(model, 'onnx/model.onnx')], { data, head: 'side', bench: false });
    expect(report.accuracy).toMatchObject({ metric: 'accuracy', drop: 0, samples: 40 });
    expect(report.accuracy!.after).toBeGreaterThan(0.9);
    const byTags = await validate(model, [model], { data: tasks[1]!.data, head: 'tag', bench: false });
    expect(byTags.accuracy).toMatchObject({ metric: 'f1', samples: 48 });
    await expect(validate(model, [model], { data, bench: false })).rejects.toThrow(
      "--head: expected one of the model's heads side, tag to judge by, found none named",
    );
    await expect(validate(model, [model], { data, head: 'up', bench: false })).rejects.toThrow(
      "--head: expected one of side, tag, found 'up'",
    );
    const more = await train(model, {
      ...quick,
      tasks,
      steps: 2,
      rate: 1e-5,
      maxDrop: '1%',
      output: join(folder, 'more'),
    });
    expect(more.notes).toContain("tag: the model's own head is trained: output logits_tag");
    expect(more.tasks![0]!.accuracy.before).toBe(report.accuracy!.after);
    expect(more.checks!.map(({ gate, at }) => [gate, at])).toEqual([
      ['max-drop', 'side accuracy'],
      ['max-drop', 'tag f1'],
    ]);
  });

  it('give the same bytes for the same seed, whether cut short or not', async () => {
    await trained('whole', { epochs: undefined, steps: 12 });
    const abort = new AbortController();
    let steps = 0;
    const events = { log: () => {}, bar: () => () => void (++steps === 5 && abort.abort(new Error('interrupted'))) };
    const options = { ...quick, tasks, steps: 12, output: join(folder, 'cut') };
    const cut = await train(folder, { ...options, signal: abort.signal }, events);
    expect(cut.training!.stopped).toBe('interrupted');
    expect(cut.training!.steps).toBeLessThan(12);
    const weighted = tasks.map((task) => ({ ...task, weight: 3 }));
    await expect(train(folder, { ...options, tasks: weighted, resume: true })).rejects.toThrow(
      /expected a checkpoint of this run, found one of another model, data or options/,
    );
    await train(folder, { ...options, resume: true });
    expect(onnx('cut').equals(onnx('whole'))).toBe(true);
  });

  it('fail by the task that fell, and say which', async () => {
    const model = join(folder, 'both');
    const wrong = write('wrong.tsv', [
      'text\tlabel',
      ...Array.from(
        { length: 64 },
        (_, i) => `${words(i, i % 2 ? 'good' : 'bad').join(' ')}\t${i % 2 ? 'down' : 'up'}`,
      ),
    ]);
    const report = await train(model, {
      ...quick,
      tasks: [{ ...tasks[0]!, data: wrong }, tasks[1]!],
      steps: 20,
      maxDrop: '2pt',
      output: join(folder, 'fallen'),
    });
    expect(report.verdict).toBe('fail');
    expect(report.failures).toHaveLength(1);
    expect(report.failures[0]).toMatch(
      /^side accuracy: expected a drop of at most 2\.00 points \(--max-drop 2pt\), found \d+\.\d+ points$/,
    );
    expect(readdirSync(join(folder, 'fallen/onnx'))).toEqual(['model.rejected.onnx']);
  });
});

describe('refused', () => {
  const data = tasks[0]!.data;
  it.each<[string, Partial<TrainModelOptions>, RegExp]>([
    ['neither data nor tasks', { tasks: undefined }, /expected --data FILE, or --task NAME=FILE .*, found neither/],
    ['both', { data }, /--task NAME=FILE: expected rows by task alone, found --data/],
    [
      'a name that is none',
      { tasks: [{ name: 'a b', data }] },
      /expected a name of letters, digits, - and _, found 'a b'/,
    ],
    ['a name twice', { tasks: [tasks[0]!, tasks[0]!] }, /--task side: expected each name once, found it again/],
    [
      'a weight of zero',
      { tasks: [{ name: 'a', data, weight: 0 }] },
      /--task-weight a: expected a number above 0, found 0/,
    ],
    ['no temperature', { taskTemperature: 0 }, /--task-temperature: expected a number above 0, found 0/],
    ['names of labels', { labels: ['a', 'b'] }, /--labels: expected one task whose labels these are, found several/],
    [
      'heads that are not there',
      { head: 'keep' },
      /--head keep: .*found none for side: the model has no head of this name/,
    ],
    [
      'a task without a head',
      { tasks: [{ name: 'a', data, task: 'fill-mask' }] },
      /--task a: expected a task with a head of its own \(.*\), found fill-mask/,
    ],
    [
      'a gate without rows',
      { tasks: [{ name: 'a', data: sides('few.tsv', 4) }], split: 0.1, minMetric: '1%' },
      /--min-metric: expected rows of .*few\.tsv to judge by, found none/,
    ],
  ])('%s', async (_name, options, message) => {
    await expect(trained('refused', { epochs: undefined, steps: 1, ...options })).rejects.toThrow(message);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });
});
