// What heads and neurons cost.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { macCosts, weightCosts, wholeCost } from '../../../src/passes/prune/costs.ts';
import { blocksOf } from '../../../src/passes/structure/blocks.ts';
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
