// What stays makes up for what went: exactly where it can, as far as least squares go elsewhere.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { cloneModel } from '../../../src/ir/clone.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { asFloat32, floats } from '../../../src/ir/tensor.ts';
import { prunePass } from '../../../src/passes/prune/prune.ts';
import { sortedBatches } from '../../../src/objectives/sorted-batches.ts';
import { refitOutputs, type Refitted } from '../../../src/pipeline/prune/refit.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { runModel } from '../../support/run-model.ts';
import { feedingOf, partsOf, samplesOf, withSessions } from './support.ts';

const model = tinyBert({ heads: 4, ffn: 8 });
const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const whole = { heads: all(4), ffn: [all(8)] };

/** Neuron 1 of each layer computes what neuron 0 does. */
function withTwins(): Model {
  const twins = cloneModel(model);
  for (const block of partsOf(model).blocks) {
    const { weight, bias } = block.ffn[0]!.in[0]!;
    const columns = weight.tensor.shape[1]!;
    const copy = (x: number, i: number, from: Float32Array): number => (i % columns === 1 ? from[i - 1]! : x);
    for (const one of [weight, bias!.weight]) {
      const values = asFloat32(one.tensor);
      twins.graph.initializers.set(one.name, floats(one.tensor.shape, values.map((x, i) => copy(x, i, values)))); // prettier-ignore
    }
  }
  return twins;
}

async function refit(original: Model, pruned: Model, ridges = [1e-9]): Promise<Refitted> {
  const batches = await sortedBatches(samplesOf(400), undefined, feedingOf(original), 0);
  const encoder = recognise(original).encoders[0]!;
  const models = { original, encoder, pruned, outputs: ['logits'], sites: partsOf(original).sites };
  return withSessions((open) => refitOutputs(models, batches, open, { ridges, progress: () => {} }));
}

async function distance(a: Model, b: Model): Promise<number> {
  const [x, y] = [(await runModel(a))['logits']!, (await runModel(b))['logits']!];
  return Math.sqrt(x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0));
}

describe('refitOutputs', () => {
  it('gives the original back where a neuron that went has a twin that stays', async () => {
    const original = withTwins();
    const without = { ...whole, ffn: [all(8).filter((i) => i !== 1)] };
    const pruned = prunePass.run(original, { layers: [without, without] }, quietContext).model;
    const { model: fitted, left, notes } = await refit(original, pruned);
    expect(notes).toEqual([]);
    expect(left.length).toBeGreaterThan(0);
    expect(await distance(original, pruned)).toBeGreaterThan(1e-4);
    expect(await distance(original, fitted)).toBeLessThan(1e-4);
  });

  it('comes nearer to the original with heads, neurons and whole blocks gone', async () => {
    const layers = [
      { heads: [1, 3], ffn: [[0, 2, 5]] },
      { heads: [], ffn: [[1, 4, 6]] },
    ];
    const pruned = prunePass.run(model, { layers }, quietContext).model;
    const { model: fitted, left } = await refit(model, pruned, [0.01]);
    expect(left.map(({ site }) => `${site.kind} ${site.layer}`)).toEqual(['heads 0', 'ffn 0', 'ffn 1']);
    for (const one of left) expect(one.left).toBeLessThan(1);
    expect(await distance(model, fitted)).toBeLessThan(0.7 * (await distance(model, pruned)));
  });

  it('leaves a model alone from which nothing went', async () => {
    const { left } = await refit(model, cloneModel(model));
    expect(left).toEqual([]);
  });
});
