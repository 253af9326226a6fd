// Losses and their gradients against PyTorch's (make-loss-vectors.py), at an opset of each form of the operators.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import type { Builder } from '../../src/ir/builder.ts';
import * as losses from '../../src/train/losses.ts';
import { float32, int64, openModel, scalarModel } from './support.ts';

const vectors: {
  inputs: Record<'x' | 't' | 'h' | 'g' | 'hits', number[]>;
  cases: Record<string, { loss: number; gradient: number[] }>;
} = JSON.parse(readFileSync(new URL('loss-vectors.json', import.meta.url), 'utf8'));

const { x, t, h, g, hits } = vectors.inputs;
const inputs = {
  x: float32([4, 3], x),
  t: float32([4, 3], t),
  h: float32([2, 3, 4], h),
  g: float32([2, 3, 4], g),
  hits: float32([4, 3], hits),
  labels: int64([4], [2, 0, 1, 1]),
  ignored: int64([4], [2, -100, 1, 0]),
  mask: int64([2, 3], [1, 1, 1, 1, 0, 0]),
};
const weights = [0.5, 2, 1.25];
const classes = 3;

const cases: Record<string, (builder: Builder) => string> = {
  crossEntropy: (b) => losses.crossEntropy(b, 'x', 'labels', { classes }),
  crossEntropySmooth: (b) => losses.crossEntropy(b, 'x', 'labels', { classes, smoothing: 0.1 }),
  crossEntropyAll: (b) => losses.crossEntropy(b, 'x', 'ignored', { classes, smoothing: 0.2, weights }),
  binary: (b) => losses.binaryCrossEntropy(b, 'x', 'hits', { classes }),
  binaryWeighted: (b) => losses.binaryCrossEntropy(b, 'x', 'hits', { classes, positive: weights }),
  mse: (b) => losses.meanSquaredError(b, 'x', 't'),
  maskedMse: (b) => losses.maskedMeanSquaredError(b, 'h', 'g', 'mask'),
  kl: (b) => losses.kullbackLeibler(b, 'x', 't'),
  klWarm: (b) => losses.kullbackLeibler(b, 'x', 't', { temperature: 2 }),
  klMasked: (b) => losses.kullbackLeibler(b, 'h', 'g', { temperature: 2, mask: 'mask' }),
  soft: (b) => losses.softCrossEntropy(b, 'x', 't', { temperature: 2 }),
  cosine: (b) => losses.cosineDistance(b, 'x', 't'),
};

async function lossOf(feeds: typeof inputs, append: (builder: Builder) => string, opset: number): Promise<number> {
  const { model, output } = scalarModel(feeds, append, opset);
  const session = await openModel(model);
  const result = (await session.run(feeds))[output]!;
  await session.release();
  expect(result.dims).toEqual([]);
  return Number(result.data[0]);
}

describe.each([12, 17, 18])('losses at opset %i', (opset) => {
  it.each(Object.entries(vectors.cases))('%s', async (name, { loss }) => {
    expect(await lossOf(inputs, cases[name]!, opset)).toBeCloseTo(loss, 5);
  });
});

describe.each([12, 17, 18])('gradients of losses at opset %i', (opset) => {
  it.each(Object.entries(vectors.cases))('%s', async (name, { gradient }) => {
    const of = gradient.length === x.length ? 'x' : 'h';
    const { model, output } = scalarModel(inputs, cases[name]!, opset);
    const { model: both, gradients } = differentiate(model, { loss: output, of: [of] });
    const found = gradients.get(of)!;
    if (found.kind !== 'dense') throw new Error('expected a dense gradient');
    const session = await openModel(both);
    const values = Array.from((await session.run(inputs))[found.output]!.data, Number);
    await session.release();
    expect(values).toHaveLength(gradient.length);
    gradient.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 5));
  });
});

describe('losses at their edges', () => {
  it('is finite for huge logits', async () => {
    const far = { ...inputs, x: float32([4, 3], [1e4, -1e4, 0, 3e4, 0, 0, -3e4, 0, 0, 1e4, 1e4, 1e4]) };
    for (const name of ['crossEntropy', 'binary', 'kl', 'cosine']) {
      expect(Number.isFinite(await lossOf(far, cases[name]!, 17))).toBe(true);
    }
  });

  it('is zero where nothing is counted, more classes than PyTorch’s -100 reaches back', async () => {
    const none = { ...inputs, x: float32([2, 200], Array(400).fill(1)), labels: int64([2], [-100, -100]) };
    const many = (b: Builder): string => losses.crossEntropy(b, 'x', 'labels', { classes: 200, smoothing: 0.1 });
    expect(await lossOf(none, many, 17)).toBeCloseTo(0, 12);
    const unmasked = { ...inputs, mask: int64([2, 3], [0, 0, 0, 0, 0, 0]) };
    expect(await lossOf(unmasked, cases['maskedMse']!, 17)).toBe(0);
  });

  it('adds losses by weight', async () => {
    const sum = (b: Builder): string =>
      losses.weightedSum(b, [
        [losses.meanSquaredError(b, 'x', 't'), 0.5],
        [losses.crossEntropy(b, 'x', 'labels', { classes }), 1],
      ]);
    const { mse, crossEntropy } = vectors.cases;
    expect(await lossOf(inputs, sum, 17)).toBeCloseTo(0.5 * mse!.loss + crossEntropy!.loss, 4);
  });
});
