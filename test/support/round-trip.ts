// Reading bytes as a model and writing it again.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Model } from '../../src/ir/graph.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel, type WriteOptions, type Written } from '../../src/onnx/write.ts';
import './equal-model.ts';
import { tempDir, writeTemp } from './temp.ts';

/** Write a model to a new folder; gives the file's hash as well. */
export function written(model: Model, options?: WriteOptions): Written & { readonly sha256: string } {
  const out = writeModel(model, join(tempDir(), 'model.onnx'), options);
  return { ...out, sha256: sha256(out.path) };
}

/** Read the bytes, write them, expect an equal file, and one byte-equal to a second write; gives the model read from the copy. */
export function roundTrip(bytes: Uint8Array): Model {
  const path = writeTemp(bytes);
  const copy = written(readModel(path));
  expect(copy.path).toEqualModel(path);
  expect(written(readModel(copy.path)).sha256).toBe(copy.sha256);
  return readModel(copy.path);
}

/** Hex SHA-256 of a file. */
export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
