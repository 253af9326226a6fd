// `expect(path).toEqualModel(other)`: two model files say the same, read by onnx-proto (ONNX 1.10) and field by field.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import onnxProto from 'onnx-proto';
import { expect } from 'vitest';
import { wireTree } from './wire-tree.ts';

declare module 'vitest' {
  interface Matchers<T> {
    /** The file named by the received path equals the model file at `path`; where weights are stored is not compared. */
    toEqualModel(path: string): T;
  }
}

/** A model as onnx-proto reads it: a plain object, external data put in as raw_data. */
export function readByOnnxProto(path: string): Record<string, unknown> {
  const { ModelProto } = onnxProto.onnx;
  const plain: unknown = ModelProto.toObject(ModelProto.decode(readFileSync(path)), {
    longs: String,
    bytes: Buffer,
    enums: Number,
  });
  return inline(plain, dirname(path)) as Record<string, unknown>;
}

function inline(part: unknown, folder: string): unknown {
  if (Array.isArray(part)) return part.map((item) => inline(item, folder));
  if (Buffer.isBuffer(part)) return part.toString('base64');
  if (typeof part !== 'object' || part === null) return part;
  const { externalData, dataLocation, ...rest } = part as {
    externalData?: { key: string; value: string }[];
    dataLocation?: number;
  };
  const copy = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, inline(value, folder)]));
  if (dataLocation !== 1 || !externalData) return copy;
  const get = (key: string): string | undefined => externalData.find((entry) => entry.key === key)?.value;
  const offset = Number(get('offset') ?? 0);
  const length = get('length');
  const file = readFileSync(join(folder, get('location') ?? ''));
  return {
    ...copy,
    rawData: file.subarray(offset, length === undefined ? undefined : offset + Number(length)).toString('base64'),
  };
}

expect.extend({
  toEqualModel(received: string, path: string) {
    const byProto = this.equals(readByOnnxProto(received), readByOnnxProto(path));
    const byField = this.equals(wireTree(received), wireTree(path));
    return {
      pass: byProto && byField,
      message: () =>
        `expected ${received} ${this.isNot ? 'not ' : ''}to equal ${path}${byProto ? '' : '; onnx-proto reads a difference'}${byField ? '' : '; a field differs'}`,
      actual: byProto ? wireTree(received) : readByOnnxProto(received),
      expected: byProto ? wireTree(path) : readByOnnxProto(path),
    };
  },
});
