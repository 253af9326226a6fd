// distill on small models: it learns, is complete, is judged against the teacher, resumes, and refuses what cannot be.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { distill, type DistillModelOptions } from '../../../src/distill.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import { reportSchema } from '../../../src/report/schema.ts';
import { modelFolder, writeRows } from '../../support/model-folder.ts';
import { tempDir } from '../../support/temp.ts';

const shape = { layers: 4, heads: 4, hidden: 32, ffn: 64 };
const teacher = modelFolder(shape);
const rows = writeRows(teacher, 240);

function options(more: Partial<DistillModelOptions> = {}): DistillModelOptions {
  const fixed = { data: rows, batch: 16, rate: 3e-3, warmup: 4, bench: false, threads: 1, cacheFolder: tempDir() };
  return { ...fixed, steps: 30, output: join(tempDir(), 'student'), force: true, ...more };
}

function text(name: string, lines: readonly string[]): string {
  const path = join(tempDir(), name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const sentences = 'the movie was very good|a bad dance|not a child|the man and the dance|it was bad|very good it was';
const texts = text('texts.tsv', ['text', ...Array.from({ length: 10 }, () => sentences.split('|')).flat()]);

describe('distill', () => {
  it('brings half of the layers nearer to the teacher and writes a complete folder', async () => {
    const report = await distill(teacher, options({ layers: 2, hard: 0, steps: 60 }));
    expect(reportSchema.safeParse(report).error).toBeUndefined();
    const { curve } = report.training!;
    const mean = (part: 'soft' | 'hidden', from: number): number =>
      curve.slice(from, from < 0 ? undefined : from + 5).reduce((sum, point) => sum + point.parts[part]! / 5, 0);
    expect(mean('soft', -5)).toBeLessThan(0.5 * mean('soft', 0));
    expect(mean('hidden', -5)).toBeLessThan(0.8 * mean('hidden', 0));
    expect(report.steps.map(({ pass }) => pass)).toEqual(['keep-layers', 'distill']);
    expect(report.accuracy).toMatchObject({ metric: 'accuracy', samples: 24 });
    const folder = join(report.output.path, '../..');
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config['id2label']).toBeDefined();
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) expect(existsSync(join(folder, file))).toBe(true);
    const student = readModel(report.output.path);
    expect(recognise(student).encoders[0]!.layers).toHaveLength(2);
    expect([...student.graph.initializers.keys()].filter((name) => /distill|layer\.[02]/.test(name))).toEqual([]);
  });

  it('learns from text alone', async () => {
    const report = await distill(teacher, options({ data: texts, layers: [3], steps: 8 }));
    expect(Object.keys(report.training!.curve[0]!.parts)).toEqual(['soft', 'hidden']);
    expect(report.parity?.rows).toBeGreaterThan(0);
    expect(report.notes.join()).toMatch('accuracy was not measured');
  });

  it('judges by labelled rows what it learned from text alone', async () => {
    const report = await distill(teacher, options({ data: texts, dev: rows, layers: 2, steps: 4 }));
    expect(Object.keys(report.training!.curve[0]!.parts)).toEqual(['soft', 'hidden']);
    expect(report.accuracy).toMatchObject({ metric: 'accuracy', samples: 240 });
  });

  it('brings the vectors of an encoder without class scores nearer, judged on pairs with scores', async () => {
    const encoder = modelFolder(shape);
    const path = join(encoder, 'onnx/model.onnx');
    const model = readModel(path);
    model.graph.outputs = [{ name: 'layer.3.hidden', dtype: 'float32', shape: ['batch', 'sequence', 32] }];
    writeModel(model, join(encoder, 'model.onnx'));
    rmSync(join(encoder, 'onnx'), { recursive: true });
    const pairs = sentences.split('|').map((one, i, all) => `${one}\t${all[(i + 1) % all.length]}\t${i / 2}`);
    const dev = text('pairs.tsv', ['sentence1\tsentence2\tscore', ...pairs]);
    const report = await distill(encoder, options({ data: texts, dev, layers: 2, steps: 40 }));
    const { curve } = report.training!;
    expect(Object.keys(curve[0]!.parts)).toEqual(['hidden', 'embedding']);
    expect(curve.at(-1)!.parts['embedding']).toBeLessThan(0.5 * curve[0]!.parts['embedding']!);
    expect(report.accuracy).toMatchObject({ task: 'sentence-similarity', samples: 6 });
  });

  it('adds every term, and projects hidden states of another width', async () => {
    const every = { hard: 1, hidden: 1, attentionScores: 1, relations: 1, embedding: 1, pooling: 'mean' } as const;
    const all = await distill(teacher, options({ layers: 2, steps: 3, ...every }));
    const names = ['soft', 'hidden', 'scores', 'attention', 'relation', 'embedding', 'hard'];
    expect(Object.keys(all.training!.curve[0]!.parts)).toEqual(names);
    expect(all.notes.join()).toMatch('attention scores and values are not kept on disk');
    const narrow = modelFolder({ ...shape, layers: 1, hidden: 16, ffn: 24 });
    const other = await distill(teacher, options({ student: narrow, steps: 20 }));
    const { curve } = other.training!;
    expect(curve.at(-1)!.parts['hidden']).toBeLessThan(curve[0]!.parts['hidden']!);
    const model = readModel(other.output.path);
    expect([...model.graph.initializers.keys()].some((name) => name.startsWith('distill'))).toBe(false);
    expect(recognise(model).encoders[0]!.hidden).toBe(16);
  });

  it('narrows heads and neurons, and says so in the config', async () => {
    const path = join(teacher, 'config.json');
    const before = readFileSync(path, 'utf8');
    const sizes = { hidden_size: 32, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 64 };
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(before) as object), ...sizes }));
    const report = await distill(teacher, options({ layers: 2, heads: 2, ffn: 32, steps: 3 }));
    writeFileSync(path, before);
    expect(report.steps.map(({ pass }) => pass)).toEqual(['keep-layers', 'narrow-heads', 'narrow-ffn', 'distill']);
    const config: unknown = JSON.parse(readFileSync(join(report.output.path, '../../config.json'), 'utf8'));
    expect(config).toMatchObject({ num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 32, head_dim: 8 });
  });

  it('gives the same model with the cache and without, run after run', async () => {
    const cacheFolder = tempDir();
    const few = writeRows(tempDir(), 64);
    const run = async (cache: string) => {
      const report = await distill(
        teacher,
        options({ layers: 2, data: few, steps: undefined, epochs: 2, split: 0, cache, cacheFolder }),
      );
      return { sha: report.output.sha256, notes: report.notes.join('\n') };
    };
    const [without, first, second] = [await run('0'), await run('1MB'), await run('1MB')];
    expect(without.notes).toMatch('the teacher ran for 8 batches; those of 0 came');
    expect(first.notes).toMatch('the teacher ran for 4 batches; those of 4 came from the cache');
    expect(second.notes).toMatch('the teacher ran for 0 batches; those of 8 came from the cache');
    expect(second.sha).toBe(first.sha);
    const small = await run('1KB');
    expect(small.notes).toMatch(/teacher outputs were not kept: [\d.]+ MB are more than --cache/);
  });

  it('drops values where asked, the same ones for a seed', async () => {
    const sha = async (dropout: number, seed: number): Promise<string> =>
      (await distill(teacher, options({ layers: 1, steps: 2, split: 0, dropout, seed }))).output.sha256;
    const [plain, dropped, again] = [await sha(0, 0), await sha(0.2, 0), await sha(0.2, 0)];
    expect(dropped).toBe(again);
    expect(dropped).not.toBe(plain);
  });

  it('fails a gate against the teacher and keeps the student apart', async () => {
    const report = await distill(teacher, options({ layers: [0], steps: 1, maxSize: '1KB' }));
    expect(report).toMatchObject({ verdict: 'fail' });
    expect(report.output.path).toMatch(/rejected\.onnx$/);
  });

  it.each([
    ['no student', {}, 'expected --layers, --heads or --ffn'],
    ['all layers', { layers: 4 }, 'expected one smaller than the teacher'],
    ['too many layers', { layers: 5 }, '--layers: expected 1 to 4'],
    ['labels without rows that have some', { data: texts, layers: 2, hard: 1 }, '--hard: expected rows with labels'],
    ['no loss', { layers: 2, soft: 0, hard: 0, hidden: 0 }, 'expected a weight above 0, found none'],
    ['temperature 0', { layers: 2, temperature: 0 }, '--temperature: expected a number above 0'],
    [
      'a gate on a metric without labels',
      { data: texts, layers: 2, maxDrop: '1%' },
      '--max-drop: expected labelled rows',
    ],
    ['a gate on speed that is not measured', { layers: 2, minSpeedup: '2x' }, '--min-speedup: expected latency'],
    ['a missing file', { layers: 2, data: '/nowhere.tsv' }, '/nowhere.tsv'],
  ] as const)('refuses %s', async (_, more, message) => {
    await expect(distill(teacher, options(more as Partial<DistillModelOptions>))).rejects.toThrow(message);
  });

  it('refuses labels that the teacher lacks, a student of other labels, a teacher without layers', async () => {
    const strange = text('strange.tsv', [
      'text\tlabel',
      'good movie\tpositive',
      'bad movie\tawful',
      'a dance\tneutral',
    ]);
    await expect(distill(teacher, options({ layers: 2, data: strange, split: 0 }))).rejects.toThrow(/awful/);
    const other = modelFolder({ ...shape, layers: 2 });
    const path = join(other, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...config, id2label: { 0: 'no', 1: 'maybe', 2: 'yes' } }));
    await expect(distill(teacher, options({ student: other }))).rejects.toThrow(
      "expected a student with the teacher's labels",
    );
    await expect(distill(modelFolder({ layers: 0 }), options({ layers: 1 }))).rejects.toThrow(
      'teacher: expected a graph with one encoder whose layers are recognised',
    );
    rmSync(other, { recursive: true });
  });
});
