// Runs a model in memory or on disk over fixed tokens and gives its outputs as numbers.
import { join } from 'node:path';
import type { Model } from '../../src/ir/graph.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession, type HostTensor, type ValueSpec } from '../../src/runtime/session.ts';
import { tempDir } from './temp.ts';

/** Write a model and run it; integer inputs get tokens below `vocabulary`, a mask gets ones and some zeros, float inputs a sine. */
export async function runModel(
  model: Model,
  options: { optimize?: boolean; vocabulary?: number; dims?: number[] } = {},
): Promise<Record<string, Float32Array>> {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path);
  const session = await openSession(path, { threads: 1, optimize: options.optimize ?? true });
  try {
    const feeds = Object.fromEntries(
      session.inputs.map((input) => [input.name, feed(input, options.vocabulary ?? 50, options.dims ?? [3, 7])]),
    );
    const outputs = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, Float32Array.from(tensor.data as Float32Array)]),
    );
  } finally {
    await session.release();
  }
}

function feed(input: ValueSpec, vocabulary: number, dims: number[]): HostTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (input.dtype === 'float32')
    return { dtype: 'float32', dims, data: Float32Array.from({ length: count }, (_, i) => Math.sin(1.7 * i)) };
  const value = (i: number): number => {
    if (/mask/.test(input.name)) return i % 11 === 6 ? 0 : 1;
    return /type/.test(input.name) ? i % 2 : (i * 7 + 3) % vocabulary;
  };
  return { dtype: 'int64', dims, data: BigInt64Array.from({ length: count }, (_, i) => BigInt(value(i))) };
}

/** Cosine of two vectors. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}
