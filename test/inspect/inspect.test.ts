// inspect: figures of a known model, duplicates, what passes would do, refusals, and the published schema.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import Inspect from '../../src/commands/inspect.ts';
import { inspect, quantize } from '../../src/index.ts';
import { inspectSchema } from '../../src/inspect/schema.ts';
import { memoryTensor } from '../../src/ir/tensor.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { renderInspect } from '../../src/report/inspect-text.ts';
import { buildBert, tinyShape } from '../support/bert.ts';
import { cli } from '../support/cli.ts';
import { wave } from '../support/graphs.ts';
import { modelFolder } from '../support/model-folder.ts';
import { refusal } from '../support/refusal.ts';
import { sha256 } from '../support/round-trip.ts';
import { tempDir } from '../support/temp.ts';

const shape = { ...tinyShape, hidden: 32, heads: 4, ffn: 64, vocabulary: 200 };

function written(model = buildBert(shape)): string {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path);
  return path;
}

describe('a BERT', () => {
  it('is described: architecture, inputs, parts, file', async () => {
    const path = written();
    const report = await inspect(path);
    expect(report.architecture).toMatchObject({
      family: 'encoder',
      layers: 2,
      hidden: 32,
      heads: [4, 4],
      headSize: [8, 8],
      ffn: [64, 64],
      activation: 'gelu',
      vocabulary: 200,
      positions: 24,
      segments: 2,
      normOrder: 'post',
    });
    expect(report.inputs).toEqual({
      ids: 'input_ids',
      mask: 'attention_mask',
      segments: 'token_type_ids',
      others: [],
    });
    const params = Object.fromEntries(report.parts.map((part) => [part.name, part.params]));
    expect(params).toEqual({
      embeddings: (200 + 24 + 2) * 32,
      attention: 2 * 4 * (32 * 32 + 32),
      ffn: 2 * (2 * 32 * 64 + 64 + 32),
      norms: 5 * 64,
      head: 32 * 32 + 32 + 3 * 32 + 3,
    });
    expect(report.model).toMatchObject({ sha256: sha256(path), bytes: readFileSync(path).length, opset: 17, ir: 8 });
    expect(report.unrecognised).toEqual([]);
  });

  it('has the multiply-adds of its formula', async () => {
    const { macs } = await inspect(written(), { batch: 2, sequence: 10 });
    const dense = 20 * 2 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * (32 * 32 + 32 * 3);
    const attention = 2 * 2 * 2 * 32 * 10 * 10;
    expect(macs).toEqual({ batch: 2, sequence: 10, total: dense + attention, dense, attention });
  });

  it('says what passes would treat, and after quantization why they would refuse', async () => {
    const folder = modelFolder();
    const { passes } = await inspect(folder);
    expect(passes.map(({ pass, applicable, unit }) => [pass, applicable > 10, unit])).toEqual([
      ['quantize-8bit', true, undefined],
      ['quantize-fp16', true, undefined],
      ['prune', false, 'blocks'],
      ['share-basis', true, 'weights'],
    ]);
    expect(passes[2]).toMatchObject({ applicable: 4, skipped: [] }); // two blocks in each of two layers
    const report = await quantize(folder, { bench: false, validate: false });
    const again = await inspect(report.output.path);
    expect(again.passes.map(({ applicable }) => applicable).slice(2)).toEqual([0, 0]);
    expect(again.passes[2]!.skipped[0]!.reason).toBe('MatMulInteger of int8');
    expect(again.passes.map(({ refused }) => refused).slice(0, 2)).toEqual([
      expect.stringContaining('it was quantized already, by bert-compress (quantize int8)'),
      expect.stringContaining('it was quantized already'),
    ]);
    expect(again.parts.find((part) => part.name === 'ffn')!.precision).toMatch(/^int8/);
  });

  it('matches the published JSON Schema', async () => {
    const published: unknown = JSON.parse(
      readFileSync(new URL('../../schema/inspect.schema.json', import.meta.url), 'utf8'),
    );
    expect(published).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(inspectSchema))));
    const validate = new Ajv2020({ strict: false }).compile(published as object);
    const report = inspectSchema.parse(await inspect(written()));
    expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true);
  });
});

describe('duplicates', () => {
  it('are found as copies, as transposes, and as shared tensors', async () => {
    const model = buildBert(shape);
    const { initializers } = model.graph;
    const twin = initializers.get('layer.0.query.weight')!;
    initializers.set('layer.1.query.weight', memoryTensor('float32', twin.shape, twin.bytes()));
    const values = wave(2048);
    const wide = memoryTensor('float32', [32, 64], values);
    const tall = memoryTensor(
      'float32',
      [64, 32],
      Float32Array.from({ length: 2048 }, (_, i) => values[(i % 32) * 64 + Math.floor(i / 32)]!),
    );
    initializers.set('layer.0.intermediate.weight', wide);
    initializers.set('layer.0.output.weight', tall);
    model.graph.nodes = model.graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => (name === 'layer.1.key.weight' ? 'layer.0.key.weight' : name)),
    }));
    initializers.delete('layer.1.key.weight');
    const { duplicates } = await inspect(written(model));
    expect(duplicates).toEqual([
      { kind: 'copies', names: ['layer.0.query.weight', 'layer.1.query.weight'], shape: [32, 32], wastedBytes: 4096 },
      {
        kind: 'transposed',
        names: ['layer.0.output.weight', 'layer.0.intermediate.weight'],
        shape: [64, 32],
        wastedBytes: 8192,
      },
      { kind: 'shared', names: ['layer.0.key.weight'], shape: [32, 32], wastedBytes: 0 },
    ]);
  });
});

describe('the command', () => {
  it('prints a picture of the parts', async () => {
    const { code, stdout, stderr } = await cli(['inspect', modelFolder()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/embeddings\s+█+░+\s+\d+\.\d %/);
    expect(stdout).toContain('quantize-8bit: ');
  });

  it('--json prints the report alone', async () => {
    const { stdout } = await cli(['inspect', modelFolder(), '--json']);
    expect(inspectSchema.parse(JSON.parse(stdout)).model.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('refuses what is no model with exit code 2 and one line', async () => {
    const path = join(tempDir(), 'model.onnx');
    writeFileSync(path, '');
    const { code, stdout, stderr } = await refusal(Inspect, [path]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(`bert-compress: ${path}: expected an ONNX model, found an empty file\n`);
  });

  it('--help shows examples', async () => {
    expect((await cli(['inspect', '--help'])).stdout).toMatch(/EXAMPLES[\s\S]*inspect model\.onnx --json/);
  });
});

it('says that a model is no encoder', async () => {
  const model = buildBert(shape);
  model.graph.nodes = model.graph.nodes.filter((node) => node.outputs[0] === 'words');
  model.graph.outputs = [{ name: 'words', dtype: 'float32', shape: ['batch', 'sequence', 32] }];
  const report = await inspect(written(model));
  expect(report.architecture.family).toBe('not-a-transformer');
  expect(renderInspect(report)).toContain('not recognised: encoder');
});
