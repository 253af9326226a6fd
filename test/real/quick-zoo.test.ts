// Every float encoder of the zoo, quantized to int8 and float16: loads and runs on onnxruntime CPU, close to the original.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Model } from '../../src/ir/graph.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { dynamic8Bit } from '../../src/passes/quantize/dynamic-8bit.ts';
import { fp16 } from '../../src/passes/quantize/fp16.ts';
import { openSession, type HostTensor, type ValueSpec } from '../../src/runtime/session.ts';
import { quietContext } from '../support/graphs.ts';
import { cosine } from '../support/run-model.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';

const notFloat = /ortdynq|ortqdq|ortqop|ortfp16|^neg-/;
const names = zoo().filter((name) => !notFloat.test(name));

/** Least cosine of any output with the original's. Random weights have no margin, so that int8 is judged loosely. */
const least = { int8: 0.97, fp16: 0.9999 };

describeWith('zoo', 'the zoo', () => {
  it('is there whole', () => {
    expect(names.length).toBeGreaterThan(80);
  });

  it.each(names)('%s', async (name) => {
    const path = shared(`zoo/${name}/model.onnx`);
    const model = readModel(path);
    const before = await run(path);
    for (const to of ['int8', 'fp16'] as const) {
      const output = write(quantized(model, to));
      const after = await run(output);
      // as `--no-validate` loads it: onnxruntime without its optimizer is pickier about types
      await (await openSession(output, { light: true })).release();
      for (const [output, values] of Object.entries(before)) {
        expect(cosine(values, after[output]!), `${to} ${output}`).toBeGreaterThan(least[to]);
      }
    }
  });
});

function quantized(model: Model, to: 'int8' | 'fp16'): Model {
  const result =
    to === 'int8'
      ? dynamic8Bit.run(model, dynamic8Bit.options.parse({}), quietContext)
      : fp16.run(model, fp16.options.parse({}), quietContext);
  expect(result.changed).toBe(true);
  return result.model;
}

function write(model: Model): string {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path, { externalData: false });
  return path;
}

async function run(path: string): Promise<Record<string, Float32Array>> {
  const session = await openSession(path, { threads: 1 });
  try {
    const outputs = await session.run(Object.fromEntries(session.inputs.map((input) => [input.name, feed(input)])));
    const floats = Object.entries(outputs).filter(([, tensor]) => tensor.dtype === 'float32');
    return Object.fromEntries(floats.map(([name, tensor]) => [name, tensor.data as Float32Array]));
  } finally {
    await session.release();
  }
}

/** Two rows of twelve tokens, the second padded by four; fixed dimensions as the model has them. */
function feed({ name, dtype, shape }: ValueSpec): HostTensor {
  const dims = shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 2 : 12));
  const count = dims.reduce((product, dim) => product * dim, 1);
  const [, sequence = 12] = dims;
  const value = (i: number): number => {
    const [row, column] = [Math.floor(i / sequence), i % sequence];
    if (/mask/.test(name)) return row === 1 && column >= sequence - 4 ? 0 : 1;
    if (/type|segment/.test(name)) return column > sequence / 2 ? 1 : 0;
    if (/position/.test(name)) return column;
    return /bbox/.test(name) ? i % 7 : 5 + ((i * 37) % 900);
  };
  const values = Array.from({ length: count }, (_, i) => value(i));
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(values) };
  if (dtype === 'float32') return { dtype, dims, data: Float32Array.from(values) };
  return { dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) };
}
