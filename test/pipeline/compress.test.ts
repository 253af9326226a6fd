// The main job through the library: figures, gates, what is written where, and that nothing is lost when it fails.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { quantize, reportSchema } from '../../src/index.ts';
import { readModel } from '../../src/onnx/read.ts';
import { modelFolder, writeRows } from '../support/model-folder.ts';

const quick = { bench: false, threads: 1 } as const;
const files = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('a run with labelled rows', () => {
  it('reports accuracy, parity, size and hashes, and writes the file transformers.js looks for', async () => {
    const folder = modelFolder();
    const report = await quantize(folder, { ...quick, data: writeRows(folder), maxDrop: '100%' });
    const path = join(folder, 'onnx/model_quantized.onnx');
    expect(report.output.path).toBe(path);
    expect(report.output).toMatchObject({ bytes: readFileSync(path).length, sha256: sha256(path) });
    expect(report.input.sha256).toBe(sha256(join(folder, 'onnx/model.onnx')));
    expect(report.verdict).toBe('pass');
    expect(report.accuracy).toMatchObject({
      task: 'text-classification',
      metric: 'accuracy',
      samples: 60,
      verdict: 'pass',
    });
    expect(report.parity!.agreement).toBeGreaterThan(0.8);
    expect(report.data).toMatchObject({ rows: 60, bad: [], columns: { text: 'text', label: 'label' } });
    expect(report.ratio).toBeLessThan(0.6);
    expect(report).not.toHaveProperty('latency');
    expect(report.output.params).toBe(report.input.params);
  });

  it('matches the published JSON Schema, which is the one in the repository', async () => {
    const folder = modelFolder();
    const report = await quantize(folder, { threads: 1, data: writeRows(folder), shapes: [{ batch: 1, sequence: 8 }] });
    const published: unknown = JSON.parse(
      readFileSync(new URL('../../schema/report.schema.json', import.meta.url), 'utf8'),
    );
    expect(published).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(reportSchema))));
    const validate = new Ajv2020({ strict: false }).compile(published as object);
    expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true);
    expect(report.latency).toHaveLength(1);
  });

  it('gives the same bytes twice', async () => {
    const folder = modelFolder();
    const [a, b] = [
      await quantize(folder, { ...quick, output: join(folder, 'a.onnx') }),
      await quantize(folder, { ...quick, output: join(folder, 'b.onnx') }),
    ];
    expect(a.output.sha256).toBe(b.output.sha256);
  });
});

describe('without labelled rows', () => {
  it('measures parity and says that accuracy was not measured', async () => {
    const report = await quantize(modelFolder(), { ...quick, to: 'fp16' });
    expect(report.verdict).toBe('not-checked');
    expect(report.parity!.cosine).toBeGreaterThan(0.9999);
    expect(report).not.toHaveProperty('accuracy');
    expect(report.notes.join('\n')).toContain('accuracy was not measured: no --data');
  });
});

describe('a gate that fails', () => {
  it('keeps the model as rejected and nothing under its name', async () => {
    const folder = modelFolder();
    const report = await quantize(folder, { ...quick, maxSize: '10B' });
    expect(report.verdict).toBe('fail');
    expect(report.failures[0]).toMatch(/^size: expected at most 10 bytes, found \d+ bytes$/);
    expect(files(join(folder, 'onnx'))).toEqual(['model.onnx', 'model_quantized.rejected.onnx']);
    expect(readModel(join(folder, 'onnx/model_quantized.rejected.onnx')).graph.nodes.length).toBeGreaterThan(0);
  });

  it('keeps external data with the rejected model', async () => {
    const folder = modelFolder({}, true);
    await quantize(folder, { ...quick, maxSize: '10B' });
    expect(files(join(folder, 'onnx'))).toEqual([
      'model.onnx',
      'model.onnx_data',
      'model_quantized.rejected.onnx',
      'model_quantized.rejected.onnx_data',
    ]);
    expect(() => readModel(join(folder, 'onnx/model_quantized.rejected.onnx'))).not.toThrow();
  });

  it('keeps the rejected model in a folder that was made for it', async () => {
    const output = join(modelFolder(), 'new/folder');
    await quantize(modelFolder(), { ...quick, maxSize: '10B', output });
    expect(files(join(output, 'onnx'))).toEqual(['model_quantized.rejected.onnx']);
  });

  it('leaves the name to the model where the user keeps it', async () => {
    const folder = modelFolder();
    expect((await quantize(folder, { ...quick, maxSize: '10B', keep: true })).verdict).toBe('fail');
    expect(files(join(folder, 'onnx'))).toEqual(['model.onnx', 'model_quantized.onnx']);
  });
});

describe('what cannot be checked or used is refused before anything is written', () => {
  it.each([
    ['--max-drop without rows', { maxDrop: '1%' }, /--max-drop: expected --data/],
    [
      '--min-speedup without latency',
      { minSpeedup: '1x', bench: false },
      /--min-speedup: expected latency to be measured/,
    ],
    ['--max-drop without running', { maxDrop: '1%', data: 'dev.tsv', validate: false }, /found --no-validate/],
    ['a file that is missing', { data: 'nowhere.tsv' }, /nowhere\.tsv/],
    ['a column that is missing', { data: 'rows', text: 'review' }, /review/],
    ['a label the config does not know', { data: 'bad labels' }, /dev\.tsv.*unheard/],
    ['an output that exists', { output: 'taken' }, /expected no file there, found one: pass --force/],
    ['the input as output', { output: 'input', force: true }, /expected an output other than the input/],
  ])('%s', async (_name, options: Record<string, unknown>, message) => {
    const folder = modelFolder();
    const rows = writeRows(folder, 20, options['data'] === 'bad labels' ? () => 'unheard' : undefined);
    const before = files(folder);
    const data = ['rows', 'bad labels'].includes(String(options['data'])) ? rows : options['data'];
    const output =
      options['output'] === 'taken'
        ? rows.replace('.tsv', '.onnx')
        : options['output'] === 'input'
          ? join(folder, 'onnx/model.onnx')
          : undefined;
    if (options['output'] === 'taken') writeFileSync(output!, 'mine');
    await expect(quantize(folder, { ...quick, ...options, data, output } as never)).rejects.toThrow(message);
    expect(files(folder).filter((file) => !file.endsWith('dev.onnx'))).toEqual(before);
    if (options['output'] === 'taken') expect(readFileSync(output!, 'utf8')).toBe('mine');
  });

  it('a model with nothing to compress', async () => {
    const folder = modelFolder();
    await quantize(folder, quick);
    const again = quantize(join(folder, 'onnx/model_quantized.onnx'), quick);
    await expect(again).rejects.toThrow(/it was quantized already, by bert-compress \(quantize int8\)/);
  });
});

describe('outputs', () => {
  it('into a folder are complete: configuration and tokenizer beside onnx/', async () => {
    const folder = modelFolder();
    const target = join(folder, 'out');
    await quantize(folder, { ...quick, output: target });
    expect(files(target)).toEqual([
      'config.json',
      'onnx',
      'onnx/model_quantized.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(
      (await quantize(target.replace('out', 'out/onnx/model_quantized.onnx'), quick).catch(
        (error: Error) => error,
      )) instanceof Error,
    ).toBe(true);
  });

  it('are replaced only with force', async () => {
    const folder = modelFolder();
    await quantize(folder, quick);
    await expect(quantize(folder, quick)).rejects.toThrow('--force');
    await expect(quantize(folder, { ...quick, force: true })).resolves.toMatchObject({ verdict: 'not-checked' });
  });

  it('keep external data external, unless told otherwise', async () => {
    const folder = modelFolder({}, true);
    const report = await quantize(folder, quick);
    expect(files(join(folder, 'onnx'))).toContain('model_quantized.onnx_data');
    expect(report.input.bytes).toBe(
      readFileSync(join(folder, 'onnx/model.onnx')).length + readFileSync(join(folder, 'onnx/model.onnx_data')).length,
    );
    await quantize(folder, { ...quick, force: true, externalData: false });
    expect(files(join(folder, 'onnx'))).toEqual(['model.onnx', 'model.onnx_data', 'model_quantized.onnx']);
  });

  it('leave no temporary folder behind an interruption', async () => {
    const folder = modelFolder();
    const before = files(folder);
    const signal = AbortSignal.abort(new Error('interrupted'));
    await expect(quantize(folder, { ...quick, signal })).rejects.toThrow('interrupted');
    expect(files(folder)).toEqual(before);
  });
});
