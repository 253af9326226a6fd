// `bert-compress share` as a user runs it: exit codes, flags, what is written.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import Share from '../../src/commands/share.ts';
import { reportSchema } from '../../src/index.ts';
import { recognise } from '../../src/bert/recognise.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats } from '../../src/ir/tensor.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { share } from '../../src/share.ts';
import { renderHtml } from '../../src/report/html/page.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderText } from '../../src/report/text.ts';
import { cli } from '../support/cli.ts';
import { floatValue, modelOf } from '../support/graphs.ts';
import { modelFolder, writeRows } from '../support/model-folder.ts';
import { refusal } from '../support/refusal.ts';
import { tempDir } from '../support/temp.ts';

const model = modelFolder({ layers: 4 });
const rows = writeRows(model, 120);
const quick = ['--no-bench', '--threads', '1'];
const run = (...flags: string[]) => cli(['share', model, ...quick, ...flags]);
const out = (name: string): string => join(model, name);

describe('share', () => {
  it('one set of weights for pairs of layers, healed; --json prints the report alone', async () => {
    const flags = ['--groups', 'neighbours:2', '--parts', 'ffn', '--data', rows, '--dev', rows, '--heal-epochs', '1'];
    const { code, stdout } = await run(...flags, '-o', out('a'), '--json');
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(code).toBe(0);
    expect(report).toMatchObject({ command: 'share', training: { stopped: 'done' } });
    expect(report.steps.map(({ pass }) => pass).slice(-2)).toEqual(['share-layers', 'heal']);
    const { layers } = recognise(readModel(out('a/onnx/model.onnx'))).encoders[0]!;
    const names = layers.map(({ ffn }) => ffn[0]!.out.weight.name);
    expect([names[0] === names[1], names[2] === names[3], names[0] === names[2]]).toEqual([true, true, false]);
    expect(report.output!.params).toBeLessThan(report.input.params);
    expect(report.sharing).toEqual([0, 0, 2, 2].map((ffn, attention) => ({ attention, ffn })));
    const text = renderText(report, 100)
      .split('\n')
      .map((line) => line.trim().replaceAll(/ +/g, ' '));
    expect(text).toContain('attention 0 1 2 3');
    expect(text).toContain('feed-forward 0 0 2 2');
    expect(renderHtml(report)).toContain('Layers that share weights');
    expect(renderMarkdown(report)).toContain('Layers that share weights');
  });

  it('chooses pairs for a budget and says how far each moves the answers', async () => {
    const report = await share(model, {
      groups: 'auto',
      keepParameters: 0.75,
      bench: false,
      threads: 1,
      output: out('d'),
    });
    const saved = report.steps.find(({ pass }) => pass === 'share-layers')!.stats['saved parameters']!;
    expect(saved).toBeGreaterThanOrEqual(0.25 * 4 * (4 * 32 * 32 + 2 * 32 * 32));
    expect(report.notes.join()).toMatch(
      /before healing the answers are \d\.\d+ from .*; 3 of the 4 layers have about as many, are 1.3 times as fast/,
    );
    expect(report.notes.join()).toMatch(/pairs that share, with the distance .*: (attention|ffn) \d-\d \(\d/);
  });

  it('a basis for all layers is what a budget takes without groups; --max-size finds the share', async () => {
    const whole = await share(model, { keepParameters: 0.5, bench: false, threads: 1, output: out('e') });
    const step = whole.steps.find(({ pass }) => pass === 'share-basis')!;
    expect(step.stats['saved parameters']).toBeGreaterThanOrEqual(0.5 * 4 * (4 * 32 * 32 + 2 * 32 * 32));
    expect(step.options).toEqual({ attention: [[0, 1, 2, 3]], ffn: [[0, 1, 2, 3]], keep: 0.5 });
    const { layers } = recognise(readModel(out('e/onnx/model.onnx'))).encoders[0]!;
    expect(layers.map(({ ffn }) => ffn.length)).toEqual([1, 1, 1, 1]);
    expect(whole.sharing).toEqual([0, 1, 2, 3].map((i) => ({ attention: i, ffn: i, basis: { attention: 0, ffn: 0 } })));
    const text = renderText(whole, 100).replaceAll(/ +/g, ' ');
    expect(text).toContain('basis of attention 0 0 0 0');
    expect(text).toMatch(/parameters [\d,]+ [\d,]+ \d\d\.\d %/);
    const most = 0.9 * whole.input.bytes;
    const report = await share(model, {
      maxSize: String(Math.round(most)),
      bench: false,
      threads: 1,
      output: out('f'),
    });
    expect(report.checks!.map(({ gate, verdict }) => [gate, verdict])).toEqual([['max-size', 'pass']]);
    expect(report.output!.bytes).toBeGreaterThan(0.9 * most);
  });

  it('layers of a group keep a difference of low rank; they are recognised and are nearer the original', async () => {
    const flags = { groups: '0-1,2-3', bench: false, threads: 1, data: rows, split: 0 } as const;
    const [none, some] = [await share(model, { ...flags, output: out('g') }), await share(model, { ...flags, residualRank: 2, output: out('h') })]; // prettier-ignore
    const { layers } = recognise(readModel(out('h/onnx/model.onnx'))).encoders[0]!;
    expect(layers.map(({ attention, ffn }) => [attention.query !== undefined, ffn.length])).toEqual(
      layers.map(() => [true, 1]),
    );
    expect(some.sharing).toEqual(none.sharing);
    const far = ({ notes }: typeof some): number => Number(/the answers are (\d\.\d+)/.exec(notes.join())![1]);
    expect(far(some)).toBeLessThan(far(none));
  });

  it('--exact finds copies and nothing else', async () => {
    const twice = modelFolder({ layers: 2 });
    const path = join(twice, 'onnx/model.onnx');
    const original = readModel(path);
    const [first, second] = recognise(original).encoders[0]!.layers.map(({ ffn }) => ffn[0]!.out.weight);
    original.graph.initializers.set(second!.name, first!.tensor);
    const copies = join(twice, 'copies.onnx');
    writeModel(original, copies);
    const report = await share(copies, { exact: true, bench: false, output: join(twice, 'once.onnx') });
    expect(report.steps[0]).toMatchObject({
      pass: 'share-exact',
      stats: { shared: expect.any(Number) },
    });
    expect(statSync(join(twice, 'once.onnx')).size).toBeLessThan(statSync(copies).size);
  });

  it('--exact takes a graph that is no encoder', async () => {
    const folder = tempDir();
    const weight = floats(
      [16, 16],
      Array.from({ length: 256 }, (_, i) => Math.sin(i)),
    );
    const plain = modelOf({
      inputs: [floatValue('x', 'n', 16)],
      outputs: [floatValue('y', 'n', 16)],
      nodes: [makeNode('MatMul', ['x', 'a'], ['h']), makeNode('MatMul', ['h', 'b'], ['y'])],
      initializers: { a: weight, b: weight },
    });
    writeModel(plain, join(folder, 'plain.onnx'));
    const options = { exact: true, bench: false, output: join(folder, 'once.onnx') };
    const report = await share(join(folder, 'plain.onnx'), options);
    expect(report.steps[0]!.stats).toMatchObject({ shared: 1 });
  });

  it('ends with 1 where a gate fails', async () => {
    const { code, stdout } = await run('--groups', '0-3', '-o', out('b'), '--max-size', '1KB');
    expect(code).toBe(1);
    expect(stdout).toContain('verdict: fail');
    expect(existsSync(out('b/onnx/model.rejected.onnx'))).toBe(true);
  });

  it.each([
    [
      [],
      'share: expected --exact, --keep-parameters, --max-size, --groups, --factorise or --codebook, found none of them',
    ],
    [['--exact', '--codebook', '16'], '--exact: expected it alone'],
    [['--groups', '0-7'], '--groups: expected layers 0 to 3, found 4'],
    [
      ['--groups', '0-1', '--heal-minutes', '1'],
      '--heal-minutes: expected --data with texts to learn from, found none',
    ],
    [['--factorise', 'tables:3'], '--factorise: expected embeddings:RANK such as embeddings:128'],
    [['--factorise', 'embeddings:9999'], 'embeddings:9999: expected a rank below'],
    [
      ['--keep-parameters', '0.1', '--groups', 'auto'],
      '--keep-parameters: expected at least 0.250, what is left with one set of weights',
    ],
    [['--keep-parameters', '2'], '--keep-parameters: expected a share between 0 and 1, found 2'],
    [
      ['--keep-parameters', '0.5', '--groups', '0-1'],
      '--keep-parameters: expected --groups auto or --form basis, found --groups 0-1',
    ],
    [['--codebook', '16', '--parts', 'ffn'], '--parts: expected --groups, found none'],
    [
      ['--exact', '--heal-epochs', '1'],
      'healing: expected --groups or --factorise, found nothing that training can heal',
    ],
    [
      ['--keep-parameters', '0.01'],
      'basis of what attention 0-3 reads: expected a share of the parameters that leaves it',
    ],
    [['--keep-parameters', '0.5', '--residual-rank', '2'], '--residual-rank: expected --form weights, found a basis'],
    [['--groups', 'auto', '--residual-rank', '99'], '--residual-rank 99: expected a rank that leaves'],
    [['--groups', '0-1', '--residual-rank', '12'], 'residual rank 12: expected differences with fewer parameters'],
    [['--max-size', '1KB'], '--max-size: expected more than'],
    [['--max-size', '1GB'], '--max-size: expected fewer bytes than the model has'],
    [['--codebook', '7'], '--codebook=7'],
    [['--groups', '0-1', '--max-drop', '1pt'], '--max-drop'],
  ])('ends with 2 for %o', async (flags, message) => {
    const { code, stdout, stderr } = await refusal(Share, [model, ...quick, ...flags, '-o', out('c')]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(existsSync(out('c'))).toBe(false);
  });
});
