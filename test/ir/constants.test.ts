// Constants: every form of a Constant node, and the way back from a value to its weight.
import { describe, expect, test } from 'vitest';
import { constantBehind, constantTensor } from '../../src/ir/constants.ts';
import type { Attribute, Node } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats, int64s } from '../../src/ir/tensor.ts';
import { indexUses } from '../../src/ir/uses.ts';
import { bareGraph } from '../support/bare-graph.ts';

const constant = (name: string, attr: Attribute): Node => ({
  ...makeNode('Constant', [], ['c']),
  attrs: new Map([[name, attr]]),
});

describe('a Constant node', () => {
  const max = 2n ** 63n - 1n;

  test.each([
    ['value', { type: 'tensor', value: floats([2], [1, 2]) }, floats([2], [1, 2])],
    ['value_float', { type: 'float', value: 0.5 }, floats([], [0.5])],
    ['value_floats', { type: 'floats', value: [1, 2] }, floats([2], [1, 2])],
    ['value_int', { type: 'int', value: max }, int64s([], [max])],
    ['value_ints', { type: 'ints', value: [max, -max] }, int64s([2], [max, -max])],
    ['value_ints', { type: 'ints', value: [] }, int64s([0], [])],
  ] as const)('with %s', (name, attr, expected) => {
    const made = constantTensor(constant(name, attr))!;
    expect(made).toMatchObject({ dtype: expected.dtype, shape: expected.shape });
    expect(made.bytes()).toEqual(expected.bytes());
  });

  test('of strings or a sparse tensor has no tensor here', () => {
    expect(constantTensor(constant('value_string', { type: 'string', value: new Uint8Array(1) }))).toBeUndefined();
    expect(constantTensor(constant('sparse_value', { type: 'other' }))).toBeUndefined();
  });
});

describe('the constant behind a value', () => {
  const transpose = makeNode('Transpose', ['w'], ['t']);
  const cast = makeNode('Cast', ['t'], ['u'], { domain: 'ai.onnx' });
  const nodes = [
    transpose,
    cast,
    makeNode('Neg', ['u'], ['n']),
    makeNode('Identity', ['x'], ['i']),
    makeNode('Identity', ['w'], ['m'], { domain: 'other' }),
  ];
  const graph = bareGraph(
    [...nodes, constant('value', { type: 'tensor', value: floats([], [3]) }), makeNode('Identity', ['c'], ['d'])],
    ['x'],
    ['n'],
  );
  graph.initializers.set('w', floats([], [1]));
  const uses = indexUses(graph);

  test('is found through carriers, named nearest to the constant first', () => {
    expect(constantBehind(graph, uses, 'u')).toEqual({
      name: 'w',
      tensor: graph.initializers.get('w'),
      through: [transpose, cast],
    });
    expect(constantBehind(graph, uses, 'w')?.through).toEqual([]);
    expect(constantBehind(graph, uses, 'd')).toMatchObject({ name: 'c', tensor: { shape: [] } });
  });

  test('is none where the value depends on data, is computed, or another domain computes it', () => {
    expect(['x', 'i', 'n', 'm', '', 'unknown'].map((value) => constantBehind(graph, uses, value))).toEqual(
      Array(6).fill(undefined),
    );
  });
});
