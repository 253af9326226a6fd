// Dropout: what it does to a value, that the masks fit the graph, and that runs with it are the same every time, resumed too.
import { expect, it } from 'vitest';
import { Builder } from '../../src/ir/builder.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import { Dropout } from '../../src/train/dropout.ts';
import { train } from '../../src/train/loop.ts';
import type { Objective } from '../../src/train/types.ts';
import { tinyBert } from '../support/bert.ts';
import { tempDir } from '../support/temp.ts';
import { int64, openModel } from './support.ts';
import { tinyBatches, tinyContext, tinyObjective, tinyOptions, weightsOf } from './tiny-objective.ts';

const places = ['embeddings', 'layer.0.probs', 'layer.0.attention.output.out', 'layer.1.probs', 'layer.1.output.out'];

it('zeroes a share of a value where nodes read it, and scales the rest', async () => {
  const model = cloneModel(tinyBert({ layers: 1 }));
  const builder = new Builder(model.graph, 17, 'train');
  const dropout = new Dropout(0.25, 5);
  dropout.insert(model.graph, builder, ['embeddings', 'layer.0.probs']);
  model.graph.nodes.push(...builder.nodes);
  const [embedded, probabilities] = builder.nodes.filter(({ op }) => op === 'Where').map(({ outputs }) => outputs[0]!);
  const wanted = ['embeddings', embedded!, 'layer.0.probs', probabilities!];
  model.graph.outputs = wanted.map((name) => ({ name, dtype: 'float32' }));
  const session = await openModel(model);
  const dims = [6, 20];
  const ids = int64(
    dims,
    Array.from({ length: 120 }, (_, i) => (i * 7) % 100),
  );
  const ones = int64(dims, Array(120).fill(1));
  const feeds = { input_ids: ids, attention_mask: ones, token_type_ids: int64(dims, Array(120).fill(0)) };
  const outputs = await session.run({ ...feeds, ...dropout.masks(0)(6, 20) }, wanted);
  await session.release();
  for (const [before, after] of [
    ['embeddings', embedded!],
    ['layer.0.probs', probabilities!],
  ] as const) {
    const [whole, dropped] = [outputs[before]!, outputs[after]!].map(({ data }) => Array.from(data, Number));
    expect(outputs[after]!.dims).toEqual(outputs[before]!.dims);
    const zeros = dropped!.filter((value) => value === 0).length;
    // 1,920 and 4,800 elements: four standard deviations are 0.04 and 0.025
    expect(Math.abs(zeros / whole!.length - 0.25)).toBeLessThan(0.04);
    dropped!.forEach((value, i) => value !== 0 && expect(value).toBeCloseTo(whole![i]! / 0.75, 5));
  }
});

it('draws other masks for each batch and place, the same for the same seed', () => {
  const masks = (seed: number, number: number): string[] => {
    const model = cloneModel(tinyBert());
    const dropout = new Dropout(0.5, seed);
    dropout.insert(model.graph, new Builder(model.graph, 17, 'train'), places);
    return Object.values(dropout.masks(number)(4, 7)).map(({ data }) => data.slice(0, 64).join(''));
  };
  expect(masks(1, 2)).toEqual(masks(1, 2));
  expect(new Set([...masks(1, 2), ...masks(1, 3), ...masks(2, 2)]).size).toBe(3 * places.length);
});

it('refuses a value whose size it cannot know', () => {
  const model = cloneModel(tinyBert());
  model.graph.inputs[0] = { name: 'input_ids', dtype: 'int64' };
  const insert = (): void => new Dropout(0.5, 1).insert(model.graph, new Builder(model.graph, 17, 'train'), ['words']);
  expect(insert).toThrow("dropout: expected 'words' to have axes of batch, sequence or fixed size, found others");
});

it('trains the same with the same seed, and resumes with the same masks', async () => {
  const objective = (): Objective => ({ ...tinyObjective(), dropout: places });
  const run = (seed: number, folder?: string, stopAt?: number) => {
    const context = tinyContext({
      progress: ({ step }) => {
        if (step === stopAt) throw new Error('killed');
      },
    });
    const checkpoint = folder ? { folder, everySteps: 4, fingerprint: 'x', resume: true } : undefined;
    return train(objective(), tinyBatches(), { ...tinyOptions, dropout: 0.2, seed, checkpoint }, context);
  };
  const first = await run(1);
  expect(weightsOf((await run(1)).model)).toBe(weightsOf(first.model));
  expect(weightsOf((await run(2)).model)).not.toBe(weightsOf(first.model));
  const folder = tempDir();
  await expect(run(1, folder, 11)).rejects.toThrow('killed');
  expect(weightsOf((await run(1, folder)).model)).toBe(weightsOf(first.model));
  // the trained model is the user's: no mask is left in it
  expect(first.model.graph.nodes).toEqual(tinyObjective().model.graph.nodes);
  expect(first.model.graph.inputs).toHaveLength(3);
});
