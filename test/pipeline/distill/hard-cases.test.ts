// distill where it could go wrong unseen: caches of other questions, kills, students that take less, teachers that take otherwise.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { distill, type DistillModelOptions } from '../../../src/distill.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import { textsOf } from '../../../src/pipeline/distill/rows.ts';
import { temporaryPrefix } from '../../../src/pipeline/stale.ts';
import { Scratch } from '../../../src/pipeline/learn/training.ts';
import { modelFolder, writeRows } from '../../support/model-folder.ts';
import { tempDir } from '../../support/temp.ts';

const shape = { layers: 3, heads: 2, hidden: 16, ffn: 24 };
const teacher = modelFolder(shape);
const rows = writeRows(teacher, 32);

function options(more: Partial<DistillModelOptions> = {}): DistillModelOptions {
  const fixed = { data: rows, batch: 16, bench: false, threads: 1, split: 0, hard: 0, cacheFolder: tempDir() };
  return { ...fixed, layers: 1, steps: 2, output: join(tempDir(), 'student'), ...more };
}

const ran = (notes: readonly string[]): string => notes.find((note) => note.includes('ran for'))!;

describe('the cache of a teacher', () => {
  it('is another one for the hidden states of other layers', async () => {
    const cacheFolder = tempDir();
    const run = async (layer: number): Promise<string> =>
      ran((await distill(teacher, options({ layers: [layer], cacheFolder }))).notes);
    expect([await run(0), await run(1), await run(0)].map((note) => note.match(/\d+/g))).toEqual([
      ['2', '0'],
      ['2', '0'],
      ['0', '2'],
    ]);
  });

  it('is another one for another pooling', async () => {
    const cacheFolder = tempDir();
    const run = (pooling: 'mean' | 'cls') => distill(teacher, options({ soft: 0, hidden: 0, embedding: 1, pooling, cacheFolder })); // prettier-ignore
    const [mean, first] = [await run('mean'), await run('cls')];
    expect(ran(mean.notes)).toMatch('ran for 2 batches');
    expect(ran(first.notes)).toMatch('ran for 2 batches');
  });
});

describe('distill', () => {
  it('cuts texts to what a student with fewer positions takes', async () => {
    const short = modelFolder({ ...shape, layers: 1, positions: 6 });
    const path = join(short, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...config, max_position_embeddings: 6 }));
    const report = await distill(teacher, options({ layers: undefined, student: short }));
    expect(report.training!.steps).toBe(2);
  });

  it('refuses a teacher without a mask for a student that has one: its batches are padded', async () => {
    const bare = modelFolder(shape);
    const model = readModel(join(bare, 'onnx/model.onnx'));
    const { graph } = model;
    graph.inputs = graph.inputs.filter(({ name }) => name !== 'attention_mask');
    graph.nodes = graph.nodes.map((node) =>
      node.outputs[0] === 'mask.float' ? { ...node, op: 'Cast', inputs: ['input_ids'] } : node,
    );
    writeModel(model, join(bare, 'model.onnx'));
    rmSync(join(bare, 'onnx'), { recursive: true });
    const student = modelFolder({ ...shape, layers: 1 });
    await expect(distill(bare, options({ layers: undefined, student }))).rejects.toThrow(
      'expected an input for the attention mask, found none',
    );
  });

  it('takes two layers of the teacher for one of a narrower student, each through its own projection', async () => {
    const student = modelFolder({ ...shape, layers: 1, hidden: 8, ffn: 16 });
    const layerMap = [[0, 0], [0, 2], [0, 2]] as const; // prettier-ignore
    const report = await distill(teacher, options({ layers: undefined, student, layerMap }));
    expect(report.training!.params).toBeGreaterThan(2 * 8 * 16);
    await expect(distill(teacher, options({ layerMap: [] }))).rejects.toThrow('--layer-map: expected pairs of layers');
  });

  it('leaves nothing where it is interrupted before the first step', async () => {
    const controller = new AbortController();
    const bar = (label: string) => {
      if (label === 'training') controller.abort();
      return () => {};
    };
    const output = join(tempDir(), 'student');
    const run = distill(teacher, options({ output, signal: controller.signal }), { log: () => {}, bar });
    await expect(run).rejects.toThrow(/abort/i);
    expect([output, `${output}.checkpoint`].filter((path) => existsSync(path))).toEqual([]);
  });

  it('puts the question before its text for a teacher of spans', () => {
    const row = { line: 1, text: 'the context', textPair: 'the question' };
    expect(textsOf([row], { scores: true, spans: true })).toEqual([{ text: 'the question', textPair: 'the context' }]);
    expect(textsOf([row], { scores: true, spans: false })).toEqual([row]);
    expect(textsOf([row, row], { scores: false, spans: false })).toEqual([{ text: 'the context' }, { text: 'the question' }]); // prettier-ignore
  });
});

describe('Scratch', () => {
  it('removes what a killed run left, and nothing of a living one', () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const [left, used] = [dead, process.pid].map((pid) => mkdtempSync(join(tmpdir(), temporaryPrefix(pid))));
    new Scratch().dispose();
    expect([existsSync(left!), existsSync(used!)]).toEqual([false, true]);
    rmSync(used!, { recursive: true });
  });
});
