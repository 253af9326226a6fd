// Sparse weights while they are trained: zeros stay, more of them come on Zhu and Gupta's schedule, a resumed run gives the same.
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/ir/graph.ts';
import { asFloat32, memoryTensor } from '../../src/ir/tensor.ts';
import { train } from '../../src/train/loop.ts';
import { shareAt } from '../../src/train/zeros.ts';
import type { TrainOptions } from '../../src/train/types.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import { tinyBert } from '../support/bert.ts';
import { tempDir } from '../support/temp.ts';
import { tinyBatches, tinyContext, tinyObjective, tinyOptions, weightsOf } from './tiny-objective.ts';

const names = [...tinyBert().graph.initializers.keys()].filter(
  (name) => /^layer.*weight$/.test(name) && !/Norm/.test(name),
);

function halfZero(): Model {
  const model = cloneModel(tinyBert());
  for (const name of names) {
    const tensor = model.graph.initializers.get(name)!;
    const values = asFloat32(tensor).map((value, i) => (i % 2 ? 0 : value));
    model.graph.initializers.set(name, memoryTensor('float32', tensor.shape, values));
  }
  return model;
}

const valuesOf = (model: Model, name: string): Float32Array => asFloat32(model.graph.initializers.get(name)!);
const zerosOf = (model: Model, name: string): number => valuesOf(model, name).filter((value) => value === 0).length;
const run = async (model: Model, options: Partial<TrainOptions>): Promise<Model> =>
  (await train(tinyObjective(model), tinyBatches(64, 8), { ...tinyOptions, ...options }, tinyContext())).model;

describe('zeros that stay', () => {
  it('are those that there were, while the rest is trained', async () => {
    const before = halfZero();
    const after = await run(before, { length: { steps: 12 }, decay: 0.1, l1: 1e-3, l2: 1e-3, keepZeros: names });
    for (const name of names) {
      const [a, b] = [valuesOf(before, name), valuesOf(after, name)];
      expect(b.every((value, i) => (value === 0) === (a[i] === 0))).toBe(true);
      expect(b.some((value, i) => value !== a[i])).toBe(true);
    }
  });

  it('are gone without being asked for', async () => {
    expect(zerosOf(await run(halfZero(), { length: { steps: 2 } }), names[0]!)).toBe(0);
  });
});

describe('a gradual schedule', () => {
  it('has the published values', () => {
    const schedule = { of: [], share: 0.8, from: 0.2, until: 0.6 };
    const shares = [0, 0.2, 0.4, 0.6, 1].map((done) => shareAt(schedule, done).toFixed(12));
    expect(shares.map(Number)).toEqual([0, 0, 0.7, 0.8, 0.8]);
  });

  it('ends with exactly its share, and keeps no earlier model as the best', async () => {
    const gradual = { of: names, share: 0.75, everySteps: 2 };
    const metrics = [0.9, 0.5, 0.6];
    const evaluate = (): Promise<number> => Promise.resolve(metrics.shift()!);
    const options = { ...tinyOptions, length: { steps: 12 }, gradual, evaluate: { everySteps: 4 } };
    const result = await train(tinyObjective(), tinyBatches(64, 8), options, { ...tinyContext(), evaluate });
    for (const name of names) expect(zerosOf(result.model, name)).toBe(0.75 * valuesOf(result.model, name).length);
    expect(result.evaluations.map(({ metric }) => metric)).toEqual([0.9, 0.5, 0.6]);
    expect(result.best).toEqual({ step: 12, metric: 0.6 });
  });

  it('gives the same weights when the run is resumed', async () => {
    const gradual = { of: names, share: 0.5, everySteps: 3 };
    const whole = await run(tinyBert(), { length: { steps: 16 }, gradual });
    const checkpoint = { folder: tempDir(), everySteps: 4, fingerprint: 'x' };
    const stopped = new AbortController();
    const progress = ({ step }: { readonly step: number }): void => {
      if (step === 6) stopped.abort();
    };
    const options = { ...tinyOptions, length: { steps: 16 }, gradual, checkpoint };
    const context = { ...tinyContext(), progress, signal: stopped.signal };
    await train(tinyObjective(), tinyBatches(64, 8), options, context);
    expect(weightsOf(await run(tinyBert(), { ...options, checkpoint: { ...checkpoint, resume: true } }))).toBe(
      weightsOf(whole),
    );
  });
});
