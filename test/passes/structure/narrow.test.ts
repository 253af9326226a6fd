// Cut layers against the whole model with the outputs of what went multiplied by zero, on onnxruntime.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { architectureOf } from '../../../src/bert/summary.ts';
import { cloneModel } from '../../../src/ir/clone.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { floats } from '../../../src/ir/tensor.ts';
import { checkGraph } from '../../../src/ir/verify.ts';
import type { KeptLayer } from '../../../src/passes/prune/keep-plan.ts';
import { prunePass } from '../../../src/passes/prune/prune.ts';
import { blocksOf } from '../../../src/passes/structure/blocks.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { masked } from '../../support/masked.ts';
import { runModel } from '../../support/run-model.ts';

const shape = { layers: 3, hidden: 16, heads: 4, ffn: 12 };
const [heads, neurons] = [[0, 1, 2, 3], [...Array(12).keys()]];
const whole: KeptLayer = { heads, ffn: [neurons] };

function blocks(model: Model): ReturnType<typeof blocksOf> {
  return blocksOf(model, recognise(model));
}

async function expectEqual(model: Model, layers: readonly KeptLayer[]): Promise<Model> {
  const { model: cut } = prunePass.run(model, { layers }, quietContext);
  checkGraph(cut.graph, 'cut');
  const wanted = await runModel(masked(model, blocks(model), layers));
  for (const optimize of [true, false]) {
    const found = await runModel(cut, { optimize });
    wanted['logits']!.forEach((x, i) => expect(found['logits']![i]).toBeCloseTo(x, 5));
  }
  return cut;
}

/** Products of Q, K and V side by side in one, taken apart by Split: as exporters of packed attention write it. */
function packed(model: Model): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  for (let i = 0; i < shape.layers; i++) {
    const parts = ['query', 'key', 'value'].map((part) => `layer.${i}.${part}`);
    const rows = (name: string, width: number): number[][] => {
      const values = new Float32Array(graph.initializers.get(name)!.bytes().slice().buffer);
      return Array.from({ length: values.length / width }, (_, r) => [...values.subarray(r * width, (r + 1) * width)]);
    };
    const columns = parts.map((part) => rows(`${part}.weight`, 16));
    const weight = Array.from({ length: 16 }, (_, r) => columns.flatMap((one) => one[r]!)).flat();
    graph.initializers.set(`${i}.qkv`, floats([16, 48], weight));
    graph.initializers.set(`${i}.qkv.bias`, floats([48], parts.flatMap((part) => rows(`${part}.bias`, 16).flat()))); // prettier-ignore
    const input = graph.nodes.find((node) => node.outputs[0] === `${parts[0]}.product`)!.inputs[0]!;
    const at = graph.nodes.findIndex((node) => node.outputs[0] === `${parts[0]}.product`);
    graph.nodes = graph.nodes.filter((node) => !parts.some((part) => [`${part}.product`, `${part}.out`].includes(node.outputs[0]!))); // prettier-ignore
    graph.nodes.splice(
      at,
      0,
      makeNode('MatMul', [input, `${i}.qkv`], [`${i}.product`], { name: `${i}.qkv` }),
      makeNode('Add', [`${i}.product`, `${i}.qkv.bias`], [`${i}.out`], { name: `${i}.bias` }),
      makeNode('Split', [`${i}.out`], parts.map((part) => `${part}.out`), { name: `${i}.split`, attrs: { axis: -1n } }), // prettier-ignore
    );
  }
  return copy;
}

describe('narrow', () => {
  it('cuts each layer on its own and folds scales into the output projections', async () => {
    const layers: KeptLayer[] = [
      { heads: [1, 3], headScales: [0.5, 1.5], ffn: [[0, 4, 5]], ffnScales: [[2, -1, 0.25]] },
      whole,
      { heads: [2], ffn: [[1, 2, 3, 4, 5, 6, 7]] },
    ];
    const cut = await expectEqual(tinyBert(shape), layers);
    expect(architectureOf(recognise(cut))).toMatchObject({ heads: [2, 4, 1], ffn: [3, 12, 7], headSize: [4, 4, 4] });
  });

  it.each([0, 1, 2])('takes the attention out of layer %i, and leaves the bias', async (layer) => {
    const cut = await expectEqual(tinyBert(shape), [whole, whole, whole].with(layer, { heads: [], ffn: [neurons] }));
    expect(cut.graph.initializers.has(`layer.${layer}.query.weight`)).toBe(false);
    expect(cut.graph.initializers.has(`layer.${layer}.attention.output.weight`)).toBe(false);
    expect(recognise(cut).encoders[0]!.layers.flatMap(({ ffn }) => ffn)).toHaveLength(3);
  });

  it('takes feed-forward blocks out', async () => {
    const none = { heads, ffn: [[]] };
    const cut = await expectEqual(tinyBert(shape), [none, whole, none]);
    expect([...cut.graph.initializers.keys()].filter((name) => /intermediate/.test(name))).toHaveLength(2);
  });

  it('takes a whole layer out but for its norms', async () => {
    await expectEqual(tinyBert(shape), [whole, { heads: [], ffn: [[]] }, whole]);
  });

  it('cuts a product of query, key and value', async () => {
    const model = packed(tinyBert(shape));
    expect(recognise(model).encoders[0]!.layers[0]!.attention.packed).toBe(true);
    const cut = await expectEqual(model, [{ heads: [0, 3], ffn: [neurons] }, whole, { heads: [1], ffn: [neurons] }]);
    expect(cut.graph.initializers.get('0.qkv')!.shape).toEqual([16, 24]);
  });

  it('cuts weights that layers share once', async () => {
    const model = tinyBert(shape);
    model.graph.nodes = model.graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) =>
        model.graph.initializers.has(input) ? input.replace(/^layer\.\d/, 'layer.0') : input,
      ),
    }));
    expect(blocks(model).map(({ tied }) => tied)).toEqual([0, 0, 0]);
    const kept = { heads: [1, 2], ffn: [[3, 4, 5]] };
    const cut = await expectEqual(model, [kept, kept, kept]);
    expect(cut.graph.initializers.get('layer.0.query.weight')!.shape).toEqual([16, 8]);
    expect([...cut.graph.initializers.keys()].some((name) => name.includes('narrow'))).toBe(false);
    expect(() => prunePass.run(model, { layers: [kept, whole, kept] }, quietContext)).toThrow(
      'plan, layer 1: expected what layer 0 keeps, whose weights it shares',
    );
  });

  it('refuses a plan that does not fit, and an encoder without any head', () => {
    const run = (layers: KeptLayer[]) => () => prunePass.run(tinyBert(shape), { layers }, quietContext);
    expect(run([whole])).toThrow('plan: expected 3 layers, found 1');
    expect(run([whole, { heads: [4], ffn: [neurons] }, whole])).toThrow('plan, layer 1, heads: expected ascending');
    expect(run([whole, { heads: [1, 1], ffn: [neurons] }, whole])).toThrow('ascending numbers below 4, found 1');
    expect(run([whole, { heads, ffn: [] }, whole])).toThrow('expected 1 feed-forward blocks, found 0');
    expect(run([{ ...whole, headScales: [1] }, whole, whole])).toThrow('expected 4 scales, found 1');
    const none = { heads: [], ffn: [neurons] };
    expect(run([none, none, none])).toThrow('heads: expected at least one layer of the encoder to keep some');
  });

  it('says where weights are of a kind that is not cut', () => {
    const model = tinyBert(shape);
    const name = 'layer.1.query.weight';
    const half = { ...model.graph.initializers.get(name)!, dtype: 'float16' as const };
    model.graph.initializers.set(name, half);
    const layers = [whole, { heads: [0], ffn: [neurons] }, whole];
    expect(() => prunePass.run(model, { layers }, quietContext)).toThrow(
      'heads of layer 1: expected plain attention, found MatMul of float16',
    );
  });
});
