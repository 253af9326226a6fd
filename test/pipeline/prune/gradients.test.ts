// Gradients by masks against central differences: a mask is a factor on a unit's rows of the output projection.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { cloneModel } from '../../../src/ir/clone.ts';
import type { Model } from '../../../src/ir/graph.ts';
import type { HostTensor } from '../../../src/ir/host-tensor.ts';
import { classificationGoal } from '../../../src/objectives/classification.ts';
import type { Tokenizer } from '../../../src/data/tokenizer/tokenizer.ts';
import { matrixOf, putMatrix } from '../../../src/passes/structure/matrix.ts';
import type { Site } from '../../../src/passes/prune/sites.ts';
import { sortedBatches } from '../../../src/objectives/sorted-batches.ts';
import { maskGradients } from '../../../src/pipeline/prune/gradients.ts';
import { directions, probesOf } from '../../../src/passes/prune/probe.ts';
import { tinyBert } from '../../support/bert.ts';
import { feedingOf, partsOf, samplesOf, withSessions } from './support.ts';

const model = tinyBert({ heads: 4, ffn: 8 });
const { sites } = partsOf(model);
const STEP = 1e-2;

/** The model with one unit's mask at a value. */
function masked(site: Site, unit: number, mask: number): Model {
  const copy = cloneModel(model);
  const { outFeatures: out } = site.dense;
  const matrix = matrixOf(site.dense).map((x, i) => (Math.floor(i / out / site.unit) === unit ? mask * x : x));
  putMatrix(copy.graph, site.dense, matrix);
  return copy;
}

const logSoftmax = (z: number[]): number[] => {
  const sum = Math.log(z.reduce((total, x) => total + Math.exp(x), 0));
  return z.map((x) => x - sum);
};

describe('maskGradients', () => {
  it.each(['labels', 'predictions'] as const)('agree with differences of each sample: %s', async (from) => {
    const samples = samplesOf(6);
    const feeding = feedingOf(model);
    const goal =
      from === 'labels'
        ? classificationGoal({ path: 'x', tokenizer: {} as Tokenizer, maxLength: 9, labels: ['0', '1', '2'], output: 'logits', classes: 3 }) // prettier-ignore
        : undefined;
    const probes = probesOf(recognise(model), false);
    const batches = await sortedBatches(samples, goal, feeding, 0);
    const targets = samples.toSorted((a, b) => b.sequences[0]!.ids.length - a.sequences[0]!.ids.length).map(({ target }) => target); // prettier-ignore
    await withSessions(async (open) => {
      const run = (one: Model): Promise<HostTensor> =>
        open(one, 'x', async (session) => (await session.run(batches[0]!.feeds))['logits']!);
      const v = directions(probes, { logits: await run(model) }, batches[0]!.padded.mask, 0)['prune_probe_0']!.data;
      const loss = (logits: HostTensor, row: number): number => {
        const z = [0, 1, 2].map((c) => Number(logits.data[row * 3 + c]));
        return goal ? -logSoftmax(z)[targets[row]!]! : z.reduce((sum, x, c) => sum + x * Number(v[row * 3 + c]), 0);
      };
      const found = await maskGradients(model, sites, batches, open, { goal, probes, seed: 0, progress: () => {} });
      for (const [s, unit] of [
        [0, 2],
        [1, 5],
        [2, 0],
        [3, 7],
      ] as const) {
        const [up, down] = [await run(masked(sites[s]!, unit, 1 + STEP)), await run(masked(sites[s]!, unit, 1 - STEP))];
        for (let row = 0; row < samples.length; row++) {
          const numeric = (loss(up, row) - loss(down, row)) / (2 * STEP);
          expect(found[s]![row * sites[s]!.units + unit]).toBeCloseTo(numeric, 3);
        }
      }
      expect(Math.max(...found[0]!.map(Math.abs))).toBeGreaterThan(1e-3);
    });
  });
});

describe('directions', () => {
  it('have the Fisher matrix of the scores as the mean of their outer products', () => {
    const z = [0.3, -1, 1.2];
    const p = logSoftmax(z).map(Math.exp);
    const rows = 20_000;
    const data = Float32Array.from({ length: rows * 3 }, (_, i) => z[i % 3]!);
    const mask = new Uint8Array(rows).fill(1);
    const v = directions(probesOf(recognise(model), false), { logits: { dtype: 'float32', dims: [rows, 3], data } }, mask, 1)['prune_probe_0']!.data; // prettier-ignore
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) {
        let sum = 0;
        for (let row = 0; row < rows; row++) sum += Number(v[row * 3 + i]) * Number(v[row * 3 + j]);
        expect(sum / rows).toBeCloseTo((i === j ? p[i]! : 0) - p[i]! * p[j]!, 2);
      }
  });
});
