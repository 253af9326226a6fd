// What becomes of layers, what config.json says of it, and the knee of a curve.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { blocksOf } from '../../../src/passes/structure/blocks.ts';
import { kneeOf } from '../../../src/pipeline/prune/curve.ts';
import { prunedConfig, shapeAfter, shapeOfLayers, wholeShape } from '../../../src/pipeline/prune/shape.ts';
import { tinyBert } from '../../support/bert.ts';

const model = tinyBert({ layers: 3, hidden: 16, heads: 4, ffn: 12 });
const blocks = blocksOf(model, recognise(model));
const whole = wholeShape(blocks);
const all = [...Array(12).keys()];
const config = { num_hidden_layers: 3, num_attention_heads: 4, hidden_size: 16, intermediate_size: 12 };

describe('shapeAfter', () => {
  it('counts heads as the original does, whatever went before', () => {
    const once = shapeAfter(whole, blocks, { layers: [{ heads: [1, 2, 3], ffn: [all] }, { heads: [0, 2], ffn: [all] }, { heads: [3], ffn: [all] }] }); // prettier-ignore
    const twice = shapeAfter(once, blocks, { layers: [{ heads: [0, 2], ffn: [all] }, { heads: [1], ffn: [[5]] }, { heads: [0], ffn: [all] }] }); // prettier-ignore
    expect(twice.layers.map(({ heads }) => heads)).toEqual([[1, 3], [2], [3]]);
    expect(twice.layers.map(({ ffn }) => ffn)).toEqual([12, 1, 12]);
  });

  it('finds what is left of a layer without heads in its neighbour', () => {
    const none = { heads: [], ffn: [[0, 1]] };
    const some = { heads: [0], ffn: [all] };
    const middle = shapeAfter(whole, blocks, { layers: [some, none, some] });
    expect(middle.origins).toEqual([
      { attention: 0, ffn: [0, 1], output: 1 },
      { attention: 2, ffn: [2], output: 2 },
    ]);
    const first = shapeAfter(whole, blocks, { layers: [none, some, some] });
    expect(first.origins[0]).toEqual({ attention: 1, ffn: [0, 1], output: 1 });
    expect(first.layers[0]).toEqual({ heads: [], ffn: 2 });
  });
});

describe('prunedConfig', () => {
  it('says equal sizes as numbers', () => {
    const same = { heads: [0, 3], ffn: [[1, 2, 3]] };
    const shape = shapeAfter(whole, blocks, { layers: [same, same, same] });
    expect(prunedConfig(config, whole, shape)).toEqual({
      ...config,
      num_attention_heads: 2,
      head_dim: 4,
      intermediate_size: 3,
    });
  });

  it('says what differs by layer as transformers has it, and lists widths', () => {
    const layers = [
      { heads: [0, 3], ffn: [all] },
      { heads: [0, 1, 2, 3], ffn: [[7]] },
      { heads: [2], ffn: [all] },
    ];
    expect(prunedConfig(config, whole, shapeAfter(whole, blocks, { layers }))).toEqual({
      ...config,
      pruned_heads: { 0: [1, 2], 2: [0, 1, 3] },
      intermediate_sizes: [12, 1, 12],
    });
  });

  it('counts the layers that are left', () => {
    const shape = shapeOfLayers(whole, [0, 2]);
    expect(shape.origins.map(({ output }) => output)).toEqual([0, 2]);
    expect(prunedConfig(config, whole, shape)).toEqual({ ...config, num_hidden_layers: 2 });
  });
});

describe('kneeOf', () => {
  const original = { share: 1, score: 0.9 };
  const curve = [0.9, 0.8, 0.7, 0.6, 0.5].map((share, i) => ({ share, score: [0.9, 0.89, 0.88, 0.8, 0.6][i]! }));

  it('is where the curve bends', () => expect(kneeOf(curve, original)).toBe(curve[2]));
  it('is nowhere on a line', () => {
    const line = [0.8, 0.6, 0.4].map((share) => ({ share, score: share - 0.1 }));
    expect(kneeOf(line, original)).toBeUndefined();
  });
});
