// Copies of the embedded fixture with one thing wrong, as a release can have it.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Model } from '../../src/ir/graph.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { tempDir } from './temp.ts';

export const fixture = fileURLToPath(new URL('../../fixtures/tickets', import.meta.url));

/** A JSON file of the copy, changed; the tokenizer's and the configuration's. */
export type JsonEdit = (json: Record<string, unknown>) => void;

/** A model folder like the fixture's. */
export function fixtureWith(edit: {
  model?: (model: Model) => void;
  json?: Readonly<Record<string, JsonEdit>>;
}): string {
  const folder = tempDir();
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    const json = JSON.parse(readFileSync(join(fixture, file), 'utf8')) as Record<string, unknown>;
    edit.json?.[file]?.(json);
    writeFileSync(join(folder, file), JSON.stringify(json));
  }
  mkdirSync(join(folder, 'onnx'));
  if (edit.model) {
    const model = readModel(join(fixture, 'onnx/model.onnx'));
    edit.model(model);
    writeModel(model, join(folder, 'onnx/model.onnx'));
  } else cpSync(join(fixture, 'onnx/model.onnx'), join(folder, 'onnx/model.onnx'));
  return folder;
}
