// Runs a model of the zoo over two rows of tokens, the second padded.
import { join } from 'node:path';
import type { Model } from '../../src/ir/graph.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession, type HostTensor } from '../../src/runtime/session.ts';
import { tempDir } from './temp.ts';
import { feedFor } from './zoo-feeds.ts';

export async function runFed(model: Model, optimize = true): Promise<Record<string, HostTensor>> {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path, { externalData: false });
  const session = await openSession(path, { threads: 1, optimize });
  try {
    return await session.run(Object.fromEntries(session.inputs.map((input) => [input.name, feedFor(input)])));
  } finally {
    await session.release();
  }
}
