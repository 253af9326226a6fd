// Which file a MODEL argument names.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveModel } from '../src/model-path.ts';
import { tempDir } from './support/temp.ts';

function folder(...files: string[]): string {
  const path = tempDir();
  mkdirSync(join(path, 'onnx'));
  for (const file of files) writeFileSync(join(path, file), '{}');
  return path;
}

describe('a folder', () => {
  it.each([
    [['onnx/model.onnx', 'model.onnx'], 'onnx/model.onnx'],
    [['model.onnx', 'onnx/model_fp16.onnx'], 'model.onnx'],
    [['onnx/model_quantized.onnx', 'config.json'], 'onnx/model_quantized.onnx'],
    [['encoder.onnx'], 'encoder.onnx'],
    [['onnx/model_fp16.onnx', 'onnx/model_quantized.rejected.onnx'], 'onnx/model_fp16.onnx'],
  ])('with %j means %s', (files, expected) => {
    const path = folder(...files);
    expect(resolveModel(path)).toMatchObject({ onnxPath: join(path, expected), folder: path });
  });

  it('with several and none of the usual name is refused, with their names', () => {
    expect(() => resolveModel(folder('onnx/model_fp16.onnx', 'onnx/model_quantized.onnx'))).toThrow(
      /found onnx\/model_fp16\.onnx, onnx\/model_quantized\.onnx: name the file/,
    );
  });

  it('without a model is refused', () => {
    expect(() => resolveModel(folder('config.json'))).toThrow(
      /expected onnx\/model\.onnx or model\.onnx .* found no \.onnx file/,
    );
  });
});

describe('a file', () => {
  it('belongs to the folder around onnx/ where the configuration lies there', () => {
    const path = folder('config.json', 'onnx/model.onnx');
    expect(resolveModel(join(path, 'onnx/model.onnx'))).toMatchObject({ folder: path, config: {} });
  });

  it.each([
    ['[]', /config\.json: expected a JSON object, found a list/],
    ['{', /config\.json: expected JSON, found: /],
  ])('beside a config.json of %s is refused', (text, message) => {
    const path = folder('model.onnx');
    writeFileSync(join(path, 'config.json'), text);
    expect(() => resolveModel(join(path, 'model.onnx'))).toThrow(message);
  });
});
