// Plans against budgets: what is spent, which methods need rows, what is refused.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { writeModel } from '../../../src/onnx/write.ts';
import { keptCost, macCosts, weightCosts, wholeCost } from '../../../src/passes/prune/costs.ts';
import type { Budget } from '../../../src/passes/prune/keep-plan.ts';
import { silent } from '../../../src/pipeline/events.ts';
import { readKnownModel } from '../../../src/pipeline/known-model.ts';
import { choosePlan, type Chosen } from '../../../src/pipeline/prune/choose.ts';
import type { Importance } from '../../../src/pipeline/prune/importance.ts';
import { curveOf } from '../../../src/pipeline/prune/latency.ts';
import type { PruneMaterial } from '../../../src/pipeline/prune/set-up.ts';
import { tinyBert } from '../../support/bert.ts';
import { tempDir } from '../../support/temp.ts';
import { feedingOf, partsOf, samplesOf } from './support.ts';

const model = tinyBert({ heads: 4, ffn: 32 });
const path = join(tempDir(), 'model.onnx');
writeModel(model, path);
const known = readKnownModel(path);
const { blocks } = partsOf(model);
const material = {
  feeding: feedingOf(model),
  samples: samplesOf(40).map(({ sequences, target }, row) => ({ sequences, target: { row, label: target } })),
  goal: undefined,
  binary: false,
} as unknown as PruneMaterial; // the parts that choosing reads

function choose(budget: Budget, by: Importance = 'magnitude', rows = material, seed = 1): Promise<Chosen> {
  const options = { by, sequence: 8, samples: 32, multiple: 4 };
  return choosePlan(known, rows, budget, options, { seed, threads: 1, events: silent });
}

describe('choosePlan', () => {
  it.each(['fisher', 'fisher-diagonal', 'taylor', 'wanda', 'magnitude', 'random'] as const)(
    'spends a budget of multiply-adds, as good as all of it, by %s',
    async (by) => {
      const { plan, stats } = await choose({ kind: 'macs', keep: 0.6 }, by);
      const costs = macCosts(blocks, 8);
      const share = keptCost(plan, costs) / wholeCost(blocks, costs);
      expect(share).toBeLessThanOrEqual(0.6);
      expect(share).toBeGreaterThan(0.55);
      expect(stats['macs kept']).toBeCloseTo(share, 9);
      for (const { ffn } of plan.layers) expect(ffn[0]!.length % 4).toBe(0);
      expect((await choose({ kind: 'macs', keep: 0.6 }, by)).plan).toEqual(plan);
    },
  );

  it('takes another choice by chance for another seed, and looks at rows only where it must', async () => {
    const none = { ...material, samples: [] };
    const half: Budget = { kind: 'macs', keep: 0.5 };
    await expect(choose(half, 'fisher', none)).rejects.toThrow('--by fisher: expected rows to look at');
    const [first, other] = [await choose(half, 'random', none), await choose(half, 'random', none, 2)];
    expect(first.plan).not.toEqual(other.plan);
  });

  it('spends bytes, and refuses a file smaller than what cannot be cut', async () => {
    await expect(choose({ kind: 'bytes', most: 1000 })).rejects.toThrow(/--max-size: expected more than the \d+ bytes/);
    const { plan } = await choose({ kind: 'bytes', most: statSync(path).size - 6000 });
    const [costs, whole] = [weightCosts(blocks), wholeCost(blocks, weightCosts(blocks))];
    expect(4 * (whole - keptCost(plan, costs))).toBeGreaterThanOrEqual(6000);
    expect(4 * (whole - keptCost(plan, costs))).toBeLessThan(8000);
  });

  it('spends latency from a table that is measured once', async () => {
    vi.stubEnv('XDG_CACHE_HOME', tempDir());
    const budget: Budget = { kind: 'speedup', at: { batch: 2, sequence: 16 }, times: 1.05 };
    const first = await choose(budget);
    const started = performance.now();
    expect((await choose(budget)).plan).toEqual(first.plan);
    expect(performance.now() - started).toBeLessThan(1000);
    await expect(choose({ ...budget, times: 1000 })).rejects.toThrow(/--speedup: expected less than [\d.]+x/);
  });
});

it('curves of latency are linear between what was measured and never fall', () => {
  const cost = curveOf([[0, 2], [4, 4], [8, 3.5], [12, 7]]); // prettier-ignore
  expect([0, 2, 4, 6, 8, 10, 12].map(cost)).toEqual([0, 1, 2, 2, 2, 3.5, 5]);
});

it('layers that share weights keep the same units, by the sum of what they are worth', async () => {
  const shared = tinyBert({ heads: 4, ffn: 32 });
  const one = (name: string): string => name.replace('layer.1', 'layer.0');
  shared.graph.nodes = shared.graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (shared.graph.initializers.has(input) ? one(input) : input)),
  }));
  for (const name of shared.graph.initializers.keys()) if (name !== one(name)) shared.graph.initializers.delete(name); // prettier-ignore
  const file = join(tempDir(), 'shared.onnx');
  writeModel(shared, file);
  const options = { by: 'fisher', sequence: 8, samples: 32, multiple: 4 } as const;
  const context = { seed: 1, threads: 1, events: silent };
  const { plan, stats } = await choosePlan(
    readKnownModel(file),
    material,
    { kind: 'macs', keep: 0.5 },
    options,
    context,
  );
  expect(plan.layers[0]).toEqual(plan.layers[1]);
  expect(stats['macs kept']).toBeLessThanOrEqual(0.5);
});
