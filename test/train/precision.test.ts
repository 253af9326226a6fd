// Training in float16 with float32 weights: gradients against those of float32, and the scale of the loss.
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/ir/graph.ts';
import { elementTypes } from '../../src/ir/element-types.ts';
import { fp16 } from '../../src/passes/quantize/fp16.ts';
import { train } from '../../src/train/loop.ts';
import { LossScale } from '../../src/train/loss-scale.ts';
import { adamWDefaults } from '../../src/train/optimizer.ts';
import { Stepper } from '../../src/train/stepper.ts';
import type { TrainBatch, TrainContext } from '../../src/train/types.ts';
import { tempDir } from '../support/temp.ts';
import { openModel } from './support.ts';
import { accuracy, tinyBatches, tinyContext, tinyObjective, tinyOptions, weightsOf } from './tiny-objective.ts';

/** As the pipeline gives it. */
const half: NonNullable<TrainContext['half']> = (model, keep) => {
  const exclude = model.graph.nodes.flatMap(({ name }) => (keep.has(name) ? [name] : []));
  return fp16.run(model, { keepIoTypes: true, exclude }, { log: () => undefined, progress: () => undefined }).model;
};

async function stepper(precision: 'fp32' | 'fp16', opened: (model: Model) => void = () => undefined) {
  const open = (model: Model) => {
    opened(model);
    return openModel(model);
  };
  return Stepper.open(tinyObjective(), { ...adamWDefaults, precision }, tinyContext({ half, open }));
}

async function oneBatch(): Promise<TrainBatch> {
  for await (const batch of tinyBatches(8, 8).epoch(0, 0)) return batch;
  throw new Error('expected a batch');
}

describe('a step in float16', () => {
  it('computes in it, but for the loss, and comes to the gradient of float32', async () => {
    let graph: Model['graph'] | undefined;
    const batch = await oneBatch();
    const both = [await stepper('fp32'), await stepper('fp16', (model) => (graph = model.graph))];
    const results = [];
    for (const each of both) {
      results.push(await each.step([batch, batch], 1e-3, 0));
      await each.release();
    }
    const [whole, short] = results;
    const types = elementTypes(graph!);
    const of = (op: string) => graph!.nodes.filter((node) => node.op === op).map(({ inputs }) => types.get(inputs[0]!));
    expect(new Set([...of('MatMul'), ...of('Gemm')])).toEqual(new Set(['float16']));
    expect(of('LogSoftmax')).toEqual(['float32']);
    for (const { dtype } of [...graph!.inputs, ...graph!.outputs]) expect(dtype).not.toBe('float16');
    expect(short!.loss).toBeCloseTo(whole!.loss, 2);
    expect(short!.loss).not.toBe(whole!.loss);
    expect(short!.norm / whole!.norm).toBeCloseTo(1, 2);
    const gradients = both.map(({ weights }) => weights.flatMap(({ moments }) => [...moments[0]]));
    const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    const [a, b] = gradients as [number[], number[]];
    expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toBeGreaterThan(0.9999);
  });

  it('is skipped where a gradient overflows, and the scale halved until none does', async () => {
    const batch = await oneBatch();
    const each = await stepper('fp16');
    each.scaling!.state.scale = 2 ** 30;
    const before = each.weights.map(({ value }) => value.data.slice());
    let skipped = 0;
    let result = await each.step([batch], 1e-3, 0);
    while (result.overflow && skipped++ < 30) {
      expect(each.weights.map(({ value }) => value.data)).toEqual(before);
      result = await each.step([batch], 1e-3, 0);
    }
    expect(skipped).toBeGreaterThan(3);
    expect(result).toMatchObject({ taken: true, overflow: false });
    expect(each.scaling!.state).toEqual({ scale: 2 ** (30 - skipped), good: 1, skipped });
    expect(each.weights.map(({ value }) => value.data)).not.toEqual(before);
    await each.release();
  });
});

describe('LossScale', () => {
  it('is 2^16 at first, halved by an overflow, doubled after steps in a row without', () => {
    const scaling = new LossScale(3);
    const scales = [true, true, false, true, true, true, true].map((finite) => {
      expect(scaling.note(finite)).toBe(!finite);
      return scaling.state.scale;
    });
    expect(scales).toEqual([16, 16, 15, 15, 15, 16, 16].map((power) => 2 ** power));
    expect(scaling.state.skipped).toBe(1);
  });

  it('does not excuse a gradient that is not finite whatever the scale', () => {
    const scaling = new LossScale();
    scaling.state.scale = 2;
    expect([scaling.note(false), scaling.note(false), scaling.state.scale]).toEqual([true, false, 1]);
  });
});

it('learns in float16, and goes on from a checkpoint with the scale it had', async () => {
  const options = { ...tinyOptions, precision: 'fp16' as const, length: { steps: 12 } };
  const checkpointIn = (folder: string) => ({ checkpoint: { folder, everySteps: 4, fingerprint: 'x', resume: true } });
  const folder = tempDir();
  const killed = tinyContext({
    half,
    progress: ({ step }) => {
      if (step === 6) throw new Error('killed');
    },
  });
  await expect(train(tinyObjective(), tinyBatches(), { ...options, ...checkpointIn(folder) }, killed)).rejects.toThrow(
    'killed',
  );
  const [resumed, whole] = [
    await train(tinyObjective(), tinyBatches(), { ...options, ...checkpointIn(folder) }, tinyContext({ half })),
    await train(tinyObjective(), tinyBatches(), { ...options, ...checkpointIn(tempDir()) }, tinyContext({ half })),
  ];
  expect(weightsOf(resumed.model)).toBe(weightsOf(whole.model));
  expect(resumed.scaling).toEqual({ scale: 2 ** 16, good: 12, skipped: 0 });
  expect(await accuracy(whole.model)).toBeGreaterThan(await accuracy(tinyObjective().model));
});
