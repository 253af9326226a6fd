// Graphs with fewer tokens against themselves, on onnxruntime: outputs on kept tokens are the same bit by bit.
import { describe, expect, it } from 'vitest';
import type { Graph, Model, Node } from '../../../src/ir/graph.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { floats, int64s, memoryTensor, type Tensor } from '../../../src/ir/tensor.ts';
import { dynamic8Bit } from '../../../src/passes/quantize/dynamic-8bit.ts';
import { fp16 } from '../../../src/passes/quantize/fp16.ts';
import { keepSlices, Numbering } from '../../../src/passes/prune/vocabulary-tensors.ts';
import { findVocabulary, keepVocabulary } from '../../../src/passes/prune/vocabulary.ts';
import { tinyBert, tinyShape } from '../../support/bert.ts';
import { expectSameOutputs } from '../../support/fewer-tokens.ts';
import { quietContext } from '../../support/graphs.ts';

const { vocabulary: rows, hidden } = tinyShape;

/** The last layer's output, which a decoder reads. */
const last = 'layer.1.hidden';

function edited(edit: (graph: Graph) => void): Model {
  const model = tinyBert();
  edit(model.graph);
  return model;
}

/** Puts nodes behind the others, and their last output among the graph's. */
function append(graph: Graph, nodes: Node[], dims: (string | number)[] = ['batch', 'sequence', rows]): void {
  graph.nodes.push(...nodes);
  graph.outputs.push({ name: nodes.at(-1)!.outputs[0]!, dtype: 'float32', shape: dims });
}

function sine(...shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return floats(
    shape,
    Array.from({ length: count }, (_, i) => Math.sin(i)),
  );
}

/** Positions that skip padding, as RoBERTa's export has them. */
function countFromPadding(graph: Graph, comparison: Node): void {
  graph.initializers.set('pad', int64s([], [1])).set('axis', int64s([], [1]));
  graph.nodes = graph.nodes.filter(({ op }) => op !== 'Range');
  graph.nodes.unshift(
    comparison,
    makeNode('Not', [comparison.outputs[0]!], ['real']),
    makeNode('Cast', ['real'], ['ones'], { attrs: { to: 7n } }),
    makeNode('CumSum', ['ones', 'axis'], ['counted']),
    makeNode('Mul', ['counted', 'ones'], ['position_ids']),
  );
}

describe('fewer tokens', () => {
  it('takes rows out of the table and leaves the rest', async () => {
    const model = tinyBert();
    const smaller = await expectSameOutputs(model);
    expect(smaller.graph.initializers.get('word_embeddings')?.shape).toEqual([33, hidden]);
    const others = (graph: Graph) => [...graph.initializers].filter(([name]) => name !== 'word_embeddings');
    expect(others(smaller.graph)).toEqual(others(model.graph));
    expect(smaller.graph.nodes).toEqual(model.graph.nodes);
    expect(model.graph.initializers.get('word_embeddings')?.shape).toEqual([rows, hidden]);
  });

  it('takes columns out of a tied decoder and its bias', async () => {
    const model = edited((graph) => {
      graph.initializers.set('decoder.bias', sine(rows));
      append(graph, [
        makeNode('Transpose', ['word_embeddings'], ['decoder.weight'], { attrs: { perm: [1n, 0n] } }),
        makeNode('MatMul', [last, 'decoder.weight'], ['decoded']),
        makeNode('Add', ['decoded', 'decoder.bias'], ['scores']),
      ]);
    });
    const { graph } = await expectSameOutputs(model);
    expect(graph.initializers.get('decoder.bias')?.shape).toEqual([33]);
    expect(graph.outputs.find(({ name }) => name === 'scores')?.shape).toEqual(['batch', 'sequence', 33]);
  });

  it('takes columns out of a decoder with weights of its own, pooled and reshaped logits follow', async () => {
    const model = edited((graph) => {
      graph.initializers
        .set('decoder.weight', sine(hidden, rows))
        .set('decoder.bias', sine(1, rows))
        .set('target', int64s([3], [0, -1, rows]));
      append(graph, [
        makeNode('MatMul', [last, 'decoder.weight'], ['decoded']),
        makeNode('Add', ['decoder.bias', 'decoded'], ['biased']),
        makeNode('Reshape', ['biased', 'target'], ['reshaped']),
        makeNode('Relu', ['reshaped'], ['positive']),
        makeNode('ReduceMax', ['positive'], ['largest'], { attrs: { axes: [1n], keepdims: 0n } }),
      ], ['batch', rows]); // prettier-ignore
    });
    const { graph } = await expectSameOutputs(model);
    expect(graph.outputs.find(({ name }) => name === 'largest')?.shape).toEqual(['batch', 33]);
  });

  it('renumbers constants that token numbers are compared with', async () => {
    const equal = edited((graph) => countFromPadding(graph, makeNode('Equal', ['input_ids', 'pad'], ['padded'])));
    expect([...findVocabulary(equal).named]).toEqual([1]);
    const { graph } = await expectSameOutputs(equal);
    const operand = graph.nodes.find(({ op }) => op === 'Equal')!.inputs[1]!;
    expect(graph.initializers.get(operand)?.bytes()[0]).toBe(0);
    expect(graph.initializers.get('pad')).toEqual(equal.graph.initializers.get('pad'));
    const less = edited((graph) => countFromPadding(graph, makeNode('Less', ['pad', 'input_ids'], ['padded'])));
    await expectSameOutputs(less);
    expect([...findVocabulary(less).named]).toEqual([]);
  });

  it('keeps and renumbers rows that the graph picks itself', async () => {
    const model = edited((graph) => {
      graph.initializers.set('prompt', int64s([1, 2], [7, -1]));
      append(graph, [makeNode('Gather', ['word_embeddings', 'prompt'], ['prompts'])], [1, 2, hidden]);
    });
    expect([...findVocabulary(model).named]).toEqual([7, rows - 1]);
    await expectSameOutputs(model);
  });

  it('takes tables that several look-ups share, and ones with a number a token', async () => {
    const model = edited((graph) => {
      graph.initializers.set('weights', sine(rows));
      graph.nodes.push(makeNode('Gather', ['word_embeddings', 'input_ids'], ['again']));
      graph.outputs.push({ name: 'again', dtype: 'float32' });
      append(graph, [makeNode('Gather', ['weights', 'input_ids'], ['importance'])], ['batch', 'sequence']);
    });
    await expectSameOutputs(model);
  });

  it.each([
    ['int8', (model: Model) => dynamic8Bit.run(model, dynamic8Bit.options.parse({ to: 'int8' }), quietContext)],
    ['float16', (model: Model) => fp16.run(model, fp16.options.parse({}), quietContext)],
  ] as const)('works on %s models, the decoder too', async (_, quantize) => {
    const model = edited((graph) => {
      graph.initializers.set('decoder.bias', sine(rows)).set('decoder.weight', sine(hidden, rows));
      append(graph, [
        makeNode('MatMul', [last, 'decoder.weight'], ['decoded']),
        makeNode('Add', ['decoded', 'decoder.bias'], ['scores']),
      ]);
    });
    const { model: quantized } = quantize(model);
    expect(findVocabulary(quantized).axes.tensors.size).toBeGreaterThan(2);
    await expectSameOutputs(quantized);
  });

  it.each([
    ['arithmetic on token numbers', 'used by Add (node', (graph: Graph) => append(graph, [makeNode('Add', ['input_ids', 'first'], ['shifted'])])],
    ['token numbers as an output', "no output of token numbers, found 'copy'", (graph: Graph) => append(graph, [makeNode('Identity', ['input_ids'], ['copy'])])],
    ['a comparison with an input', "constant token numbers beside the given ones, found 'token_type_ids'", (graph: Graph) => append(graph, [makeNode('Equal', ['input_ids', 'token_type_ids'], ['same'])])],
    ['a sum over the table', 'found it in the way (node', (graph: Graph) => append(graph, [makeNode('ReduceSum', ['word_embeddings'], ['sum'])])],
    ['tables of two sizes', 'token tables of one number of rows, found 101 and 200', (graph: Graph) => {
      graph.initializers.set('other', sine(200, 4));
      append(graph, [makeNode('Gather', ['other', 'input_ids'], ['picked'])]);
    }],
    ['probabilities', 'op Softmax', (graph: Graph) => {
      graph.initializers.set('decoder.weight', sine(hidden, rows));
      append(graph, [makeNode('MatMul', [last, 'decoder.weight'], ['decoded']), makeNode('Softmax', ['decoded'], ['probable'])]);
    }],
  ] as const)('refuses %s', (_, message, edit) => {
    expect(() => findVocabulary(edited(edit))).toThrow(message);
  }); // prettier-ignore
});

describe('keepSlices', () => {
  it('gives rows in pieces of any size, across their borders', () => {
    const table = memoryTensor(
      'uint16' as 'float16',
      [50, 3],
      Uint16Array.from({ length: 150 }, (_, i) => i),
    );
    const kept = [0, 1, 2, 7, 30, 31, 49];
    const wanted = kept.flatMap((row) => [3 * row, 3 * row + 1, 3 * row + 2]);
    const smaller = keepSlices(table, -2, kept);
    expect(smaller.shape).toEqual([7, 3]);
    expect(new Uint16Array(smaller.bytes().slice().buffer)).toEqual(Uint16Array.from(wanted));
    for (const size of [1, 4, 6, 9, 13]) {
      const all = new Uint8Array(42);
      for (let at = 0; at < 42; at += size) smaller.readInto!(all.subarray(at, Math.min(42, at + size)), at);
      expect(all).toEqual(new Uint8Array(Uint16Array.from(wanted).buffer));
    }
  });

  it('gives columns', () => {
    const smaller = keepSlices(floats([2, 4], [0, 1, 2, 3, 4, 5, 6, 7]), -1, [1, 3]);
    expect(new Float32Array(smaller.bytes().slice().buffer)).toEqual(Float32Array.of(1, 3, 5, 7));
  });
});

describe('Numbering', () => {
  const numbering = new Numbering([2, 3, 5], 8);
  const say = (relation: 'row' | 'equal' | 'below' | 'notAbove', number: number): number => {
    const tensor = numbering.renumbered({ node: makeNode('Equal', [], []), index: 1, numbers: [number], shape: [], dtype: 'int32', relation }); // prettier-ignore
    return new Int32Array(tensor.bytes().slice().buffer)[0]!;
  };

  it('keeps what is said of every kept token', () => {
    for (const id of [2, 3, 5])
      for (const c of [-3, 0, 1, 2, 3, 4, 5, 6, 7, 9]) {
        const to = [2, 3, 5].indexOf(id);
        expect(to < say('below', c)).toBe(id < c);
        expect(to <= say('notAbove', c)).toBe(id <= c);
        expect(to === say('equal', c)).toBe(id === c);
      }
    expect(say('row', -3)).toBe(2);
  });

  it('leaves numbers that are no tokens', () => {
    expect([-100, 8, 50].map((number) => say('equal', number))).toEqual([-100, 8, 50]);
  });
});

describe('keepVocabulary', () => {
  it('gives inputs that list weights their new shape', () => {
    const model = edited((graph) =>
      graph.inputs.push({ name: 'word_embeddings', dtype: 'float32', shape: [rows, hidden] }),
    );
    const { graph } = keepVocabulary(model, findVocabulary(model), [0, 1, 2]);
    expect(graph.inputs.at(-1)?.shape).toEqual([3, hidden]);
  });
});
