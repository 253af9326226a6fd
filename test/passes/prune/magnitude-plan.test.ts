// The plan by magnitude and what heads and neurons cost.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { keptCost, macCosts, weightCosts, wholeCost } from '../../../src/passes/prune/costs.ts';
import { magnitudePlan } from '../../../src/passes/prune/magnitude-plan.ts';
import { blocksOf } from '../../../src/passes/structure/blocks.ts';
import { asFloat32, floats } from '../../../src/ir/tensor.ts';
import { tinyBert } from '../../support/bert.ts';

const model = tinyBert({ layers: 2, hidden: 16, heads: 4, ffn: 12 });
const blocks = blocksOf(model, recognise(model));

describe('costs', () => {
  it('counts multiply-adds as Kwon et al. do', () => {
    // 4 products of 16 x 4 weights a token, 2 s^2 of 4 for the scores; 2 of 16 a neuron
    const [first] = macCosts(blocks, 10);
    expect(first).toEqual({ head: 10 * 4 * 16 * 4 + 2 * 100 * 4, neurons: [10 * 2 * 16] });
    expect(wholeCost(blocks, macCosts(blocks, 10))).toBe(2 * (4 * 3360 + 12 * 320));
    expect(weightCosts(blocks)[1]).toEqual({ head: 256, neurons: [32] });
  });
});

describe('magnitudePlan', () => {
  it('keeps within the budget, and as much as fits', () => {
    const costs = macCosts(blocks, 10);
    const most = 0.5 * wholeCost(blocks, costs);
    const plan = magnitudePlan(blocks, costs, most);
    expect(keptCost(plan, costs)).toBeLessThanOrEqual(most);
    expect(keptCost(plan, costs)).toBeGreaterThan(most - 320);
  });

  it('keeps the largest', () => {
    const name = 'layer.1.output.weight';
    const large = tinyBert({ layers: 2, hidden: 16, heads: 4, ffn: 12 });
    const weight = asFloat32(large.graph.initializers.get(name)!);
    large.graph.initializers.set(
      name,
      floats([12, 16], weight.map((x, i) => ([3, 7].includes(Math.floor(i / 16)) ? 100 * x : x))), // prettier-ignore
    );
    const mine = blocksOf(large, recognise(large));
    const costs = macCosts(mine, 10);
    const plan = magnitudePlan(mine, costs, 0.1 * wholeCost(mine, costs));
    expect(plan.layers[1]!.ffn[0]).toEqual(expect.arrayContaining([3, 7]));
  });
});
