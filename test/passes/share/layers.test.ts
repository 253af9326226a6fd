import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../src/errors.ts';
import { recognise } from '../../../src/bert/recognise.ts';
import { asFloat32, floats } from '../../../src/ir/tensor.ts';
import { alignLayers } from '../../../src/passes/share/align-layers.ts';
import { shareLayers } from '../../../src/passes/share/layers.ts';
import { parseGroups } from '../../../src/passes/share/groups.ts';
import { blocksOf } from '../../../src/passes/structure/blocks.ts';
import { trainableWeights } from '../../../src/passes/head/trainable.ts';
import { headRefusal } from '../../../src/passes/structure/plain.ts';
import { narrow } from '../../../src/passes/structure/narrow.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { runModel } from '../../support/run-model.ts';

const model = tinyBert({ layers: 4, heads: 4 });
const layersOf = (from: typeof model) => recognise(from).encoders[0]!.layers;

describe('share-layers', () => {
  it('gives a group one set of weights, and leaves norms and biases to each layer', async () => {
    const options = { attention: [[0, 1]], ffn: [[1, 2, 3]], start: 'first' as const };
    const { model: shared, stats } = shareLayers.run(model, options, quietContext);
    const [a, b, c, d] = layersOf(shared);
    expect(b!.attention.query!.weight.name).toBe(a!.attention.query!.weight.name);
    expect(c!.attention.query!.weight.name).not.toBe(a!.attention.query!.weight.name);
    expect(new Set([b, c, d].map((layer) => layer!.ffn[0]!.out.weight.name)).size).toBe(1);
    expect(a!.ffn[0]!.out.weight.name).not.toBe(b!.ffn[0]!.out.weight.name);
    expect(b!.attention.query!.bias!.weight.name).not.toBe(a!.attention.query!.bias!.weight.name);
    expect(stats['saved parameters']).toBe(4 * 16 * 16 + 2 * 2 * 16 * 32);
    expect((await runModel(shared))['logits']!.every(Number.isFinite)).toBe(true);
  });

  it('sharing what is equal but for the order of heads and neurons changes nothing', async () => {
    // layer 1 gets the weights of layer 0, in another order
    const twin = twinOf(model);
    const groups = { attention: [[0, 1]], ffn: [[0, 1]] };
    const { model: aligned } = alignLayers.run(twin, groups, quietContext);
    const { model: shared, stats } = shareLayers.run(aligned, { ...groups, start: 'mean' }, quietContext);
    expect(stats['saved parameters']).toBe(4 * 16 * 16 + 2 * 16 * 32);
    const [before, after] = [await runModel(twin), await runModel(shared)];
    after['logits']!.forEach((value, i) => expect(value).toBeCloseTo(before['logits']![i]!, 5));
  });

  it('a difference of low rank gives the weights back', async () => {
    const near = tinyBert({ layers: 4, heads: 4 });
    const [first, second] = layersOf(near).map(({ ffn }) => ffn[0]!.out.weight);
    const [rows, columns] = first!.tensor.shape as [number, number];
    const other = asFloat32(first!.tensor).map((x, at) => x + 0.1 * Math.sin(Math.floor(at / columns)) * Math.cos(at % columns)); // prettier-ignore
    near.graph.initializers.set(second!.name, floats([rows, columns], other));
    const options = { attention: [], ffn: [[0, 1]], start: 'mean', residualRank: 1 } as const;
    const outs = (of: typeof model) => layersOf(of).slice(0, 2).map(({ ffn }) => ffn[0]!.out.weight.name); // prettier-ignore
    expect(new Set(outs(near)).size).toBe(2);
    // the way in as well: equal, so that its difference is none
    const [one, two] = layersOf(near).map(({ ffn }) => ffn[0]!.in[0]!.weight);
    near.graph.initializers.set(two!.name, one!.tensor);
    const { model: shared } = shareLayers.run(near, options, quietContext);
    expect(new Set(outs(shared)).size).toBe(1);
    const [before, after] = [await runModel(near), await runModel(shared)];
    after['logits']!.forEach((value, i) => expect(value).toBeCloseTo(before['logits']![i]!, 4));
  });

  it('layers with differences are recognised', () => {
    const options = { attention: [[0, 1, 2]], ffn: [[0, 1], [2, 3]], start: 'mean' } as const; // prettier-ignore
    const { model: shared } = shareLayers.run(model, { ...options, residualRank: 3 }, quietContext);
    const names = layersOf(shared).map(({ attention, ffn }) => [attention.output?.weight.name, ffn[0]?.out.weight.name]); // prettier-ignore
    const [block] = blocksOf(shared, recognise(shared));
    expect(headRefusal(block!)).toBe('a difference of low rank beside its weight');
    const trained = new Set(trainableWeights(shared, recognise(shared)).weights.map(({ name }) => name));
    const factors = [...shared.graph.initializers.keys()].filter((name) => /_(left|right)$/.test(name));
    expect([factors.length > 0, factors.every((name) => trained.has(name))]).toEqual([true, true]);
    const own = layersOf(model).map(({ attention, ffn }) => [attention.output!.weight.name, ffn[0]!.out.weight.name]);
    expect(names).toEqual([[own[0]![0], own[0]![1]], [own[0]![0], own[0]![1]], [own[0]![0], own[2]![1]], own[3]!.with(1, own[2]![1]!)]); // prettier-ignore
  });

  it('the mean of weights that are not aligned is another', async () => {
    const twin = twinOf(model);
    const [first, second] = layersOf(twin);
    const [x, y] = [first, second].map((layer) => asFloat32(layer!.attention.query!.weight.tensor));
    expect([...x!]).not.toEqual([...y!]);
  });

  it('refuses layers of other sizes', () => {
    const blocks = blocksOf(model, recognise(model));
    const uneven = narrow(model, blocks, blocks.map((_, i) => (i === 1 ? { heads: [0, 2] } : {}))); // prettier-ignore
    expect(() => shareLayers.run(uneven, { attention: [[0, 1]], ffn: [], start: 'first' }, quietContext)).toThrow(
      ModelError,
    );
  });

  it('one layer shares nothing', () => {
    expect(shareLayers.run(model, { attention: [], ffn: [], start: 'mean' }, quietContext).changed).toBe(false);
  });
});

/** Layer 1 computes what layer 0 does, its heads and neurons in another order. */
function twinOf(input: typeof model): typeof model {
  const { model: same } = shareLayers.run(input, { attention: [[0, 1]], ffn: [[0, 1]], start: 'first' }, quietContext);
  const blocks = blocksOf(same, recognise(same));
  // biases are each layer's own: those of layer 1 become those of layer 0 before they are put in another order
  const [from, to] = [0, 1].map((i) => [
    blocks[i]!.attention.query!, blocks[i]!.attention.key!, blocks[i]!.attention.value!, ...blocks[i]!.ffn[0]!.in,
  ]); // prettier-ignore
  from!.forEach((dense, i) =>
    same.graph.initializers.set(to![i]!.bias!.weight.name, same.graph.initializers.get(dense.bias!.weight.name)!),
  );
  const heads = [2, 0, 3, 1];
  const neurons = Array.from({ length: 32 }, (_, i) => (i * 5 + 3) % 32);
  const again = recognise(same);
  return narrow(same, blocksOf(same, again), blocks.map((_, i) =>
    i === 1 ? { heads, headScales: heads.map(() => 1), ffn: [neurons], ffnScales: [neurons.map(() => 1)] } : {},
  )); // prettier-ignore
}

describe('parseGroups', () => {
  it.each([
    [
      '0-1,2-3',
      6,
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [
      '0+3,1-2,5',
      6,
      [
        [0, 3],
        [1, 2],
      ],
    ],
    [
      'neighbours:3',
      6,
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
    ],
    [
      'neighbours:4',
      6,
      [
        [0, 1],
        [3, 4],
      ],
    ],
    ['neighbours:1', 3, [[0, 1, 2]]],
  ])('%s of %i layers', (text, layers, groups) => {
    expect(parseGroups(text, layers)).toEqual(groups);
  });

  it.each([
    ['0-1,1-2', 'expected layer 1 in one group, found it in two'],
    ['0-9', 'expected layers 0 to 5, found 6'],
    ['a', "expected groups such as 0-1,2-3 or 0+3 or neighbours:3 or auto, found 'a'"],
    ['3-1', 'expected groups such as'],
    ['neighbours:6', 'expected fewer groups than the 6 layers, at least one, found neighbours:6'],
  ])('%s is refused', (text, message) => {
    expect(() => parseGroups(text, 6)).toThrow(message);
  });
});
