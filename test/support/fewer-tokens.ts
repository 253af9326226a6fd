// Runs a model on token numbers and the same model with fewer tokens on the new numbers, and holds all outputs bit against bit.
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Model } from '../../src/ir/graph.ts';
import { checkGraph } from '../../src/ir/verify.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { findVocabulary, keepVocabulary } from '../../src/passes/prune/vocabulary.ts';
import { openSession, type HostTensor } from '../../src/runtime/session.ts';
import { tempDir } from './temp.ts';
import { feedFor } from './zoo-feeds.ts';

/** Every third token, but not the first, and those that the graph names stay. Gives the smaller model. */
export async function expectSameOutputs(model: Model, ids = 'input_ids', optimize = true): Promise<Model> {
  const vocabulary = findVocabulary(model);
  const { rows, named, outputs } = vocabulary;
  const kept = Array.from({ length: rows }, (_, id) => id).filter((id) => id % 3 === 2 || named.has(id));
  const smaller = keepVocabulary(model, vocabulary, kept);
  checkGraph(smaller.graph, 'fewer tokens');
  const pad = [...named][0];
  // kept tokens alone, a third of them the one that the graph asks for
  const idOf = (i: number): number => (pad !== undefined && i % 3 === 0 ? pad : kept[(i * 37) % kept.length]!);
  const isIds = (name: string): boolean => name === ids || /input_ids|^ids/.test(name);
  const before = await run(model, (name, i) => (isIds(name) ? idOf(i) : undefined), optimize);
  const after = await run(smaller, (name, i) => (isIds(name) ? kept.indexOf(idOf(i)) : undefined), optimize);
  expect(Object.keys(after)).toEqual(Object.keys(before));
  for (const [name, { dims, data }] of Object.entries(before)) {
    const width = dims.at(-1) ?? 1;
    const values = outputs.has(name)
      ? Array.from(
          { length: (data.length / width) * kept.length },
          (_, i) => data[Math.floor(i / kept.length) * width + kept[i % kept.length]!],
        )
      : numbers(data);
    expect(after[name]!.dims).toEqual(outputs.has(name) ? [...dims.slice(0, -1), kept.length] : dims);
    expect(numbers(after[name]!.data)).toEqual(values);
  }
  return smaller;
}

async function run(
  model: Model,
  valueOf: (input: string, i: number) => number | undefined,
  optimize: boolean,
): Promise<Record<string, HostTensor>> {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path, { externalData: false });
  const session = await openSession(path, { threads: 1, optimize });
  try {
    const feeds = session.inputs.map((input) => {
      const feed = feedFor(input);
      for (let i = 0; i < feed.data.length; i++) {
        const value = valueOf(input.name, i);
        if (value !== undefined) feed.data[i] = typeof feed.data[i] === 'bigint' ? BigInt(value) : value;
      }
      return [input.name, feed] as const;
    });
    return await session.run(Object.fromEntries(feeds));
  } finally {
    await session.release();
  }
}

function numbers(data: ArrayLike<number | bigint>): (number | bigint)[] {
  return Array.from(data);
}
