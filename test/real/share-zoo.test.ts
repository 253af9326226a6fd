// Exact sharing over the zoo: outputs stay the same bit by bit, with onnxruntime's optimizer off and on, and no copy is left.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { constantsOf } from '../../src/bert/parts.ts';
import { findDuplicates } from '../../src/inspect/duplicates.ts';
import type { Model } from '../../src/ir/graph.ts';
import { checkGraph } from '../../src/ir/verify.ts';
import { indexUses } from '../../src/ir/uses.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { shareExact } from '../../src/passes/share/exact.ts';
import { openSession } from '../../src/runtime/session.ts';
import { quietContext } from '../support/graphs.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';
import { feedFor } from '../support/zoo-feeds.ts';

const names = zoo().filter((name) => !name.startsWith('neg-'));

describeWith('zoo', 'exact sharing over the zoo', () => {
  it.each(names)('%s', async (name) => {
    const model = readModel(shared(`zoo/${name}/model.onnx`));
    const result = shareExact.run(model, { least: 0 }, quietContext);
    checkGraph(result.model.graph, name);
    const { graph } = result.model;
    const copies = findDuplicates(constantsOf(graph), indexUses(graph)).filter(({ kind }) => kind !== 'shared');
    expect(copies).toEqual([]);
    for (const optimize of [false, true])
      expect(await outputs(result.model, optimize)).toEqual(await outputs(model, optimize));
  });

  it.each([
    ['bert-mlm-ts-17-eager', 'transposed'],
    ['albert-seqcls-dynamo-18-sdpa', 'shared'],
  ])('%s had copies', (name, kind) => {
    const { stats } = shareExact.run(readModel(shared(`zoo/${name}/model.onnx`)), { least: 1024 }, quietContext);
    expect(stats[kind]).toBeGreaterThan(0);
    expect(stats['saved bytes']).toBeGreaterThan(200_000);
  });
});

async function outputs(model: Model, optimize: boolean): Promise<Record<string, unknown>> {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path);
  const session = await openSession(path, { threads: 1, optimize });
  try {
    const found = await session.run(Object.fromEntries(session.inputs.map((input) => [input.name, feedFor(input)])));
    return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data]));
  } finally {
    await session.release();
  }
}
