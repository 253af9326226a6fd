// Element types from the operators' rules (ONNX operator specifications) and onnxruntime's contrib operator document.
import { describe, expect, test } from 'vitest';
import type { DataType } from '../../src/ir/dtype.ts';
import { elementTypes } from '../../src/ir/element-types.ts';
import type { Node } from '../../src/ir/graph.ts';
import { makeNode, type AttrValue } from '../../src/ir/node.ts';
import { floats, int64s } from '../../src/ir/tensor.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';

const given: Readonly<Record<string, DataType>> = { f: 'float32', h: 'float16', i: 'int64', b: 'bool', u: 'uint8' };

function typesOf(nodes: readonly Node[], outputs: readonly string[] = []): Map<string, DataType> {
  const graph = bareGraph(nodes, [], outputs);
  graph.inputs = Object.entries(given).map(([name, dtype]) => ({ name, dtype }));
  return elementTypes(graph);
}

const types = (
  op: string,
  inputs: string[],
  count = 1,
  attrs: Record<string, AttrValue> = {},
  domain = '',
): unknown => {
  const outputs = Array.from({ length: count }, (_, k) => `y${k}`);
  const found = typesOf([makeNode(op, inputs, outputs, { attrs, domain })]);
  return outputs.map((output) => found.get(output));
};

test.each<[string, string[], (DataType | undefined)[], Record<string, AttrValue>?]>([
  ['Add', ['h', 'h'], ['float16']],
  ['Gather', ['f', 'i'], ['float32']],
  ['Shape', ['h'], ['int64']],
  ['ArgMax', ['f'], ['int64']],
  ['Equal', ['i', 'i'], ['bool']],
  ['IsNaN', ['f'], ['bool']],
  ['Where', ['b', 'h', 'h'], ['float16']],
  ['OneHot', ['i', 'i', 'f'], ['float32']],
  ['Cast', ['i'], ['float16'], { to: 10n }],
  ['CastLike', ['i', 'h'], ['float16']],
  ['Constant', [], ['int64'], { value_ints: [1n, 2n] }],
  ['Constant', [], ['float32'], { value: floats([], [1]) }],
  ['ConstantOfShape', ['i'], ['float32']],
  ['ConstantOfShape', ['i'], ['int64'], { value: int64s([1], [3]) }],
  ['TopK', ['f', 'i'], ['float32', 'int64']],
  ['Dropout', ['h'], ['float16', 'bool']],
  ['LayerNormalization', ['f', 'f'], ['float32', 'float32', 'float32']],
  ['LayerNormalization', ['h', 'f'], ['float32']], // onnxruntime before opset 17
  ['DynamicQuantizeLinear', ['f'], ['uint8', 'float32', 'uint8']],
  ['MatMulInteger', ['u', 'u'], ['int32']],
  ['QuantizeLinear', ['f', 'f'], ['uint8']],
  ['DequantizeLinear', ['u', 'h'], ['float16']],
  ['RandomNormal', [], ['float16'], { dtype: 10n }],
])('%s of %j', (op, inputs, expected, attrs = {}) => {
  expect(types(op, inputs, expected.length, attrs)).toEqual(expected);
});

describe('operators of other domains', () => {
  test('onnxruntime', () => {
    expect(types('SkipLayerNormalization', ['h', 'h', 'h'], 1, {}, 'com.microsoft')).toEqual(['float16']);
    expect(types('EmbedLayerNormalization', ['i', 'i', 'h'], 2, {}, 'com.microsoft')).toEqual(['float16', 'int32']);
    expect(types('MatMulIntegerToFloat', ['u', 'u', 'f', 'f'], 1, {}, 'com.microsoft')).toEqual(['float32']);
  });

  test('what nobody knows has no type, unless the file says it', () => {
    expect(types('Mystery', ['f'], 1, {}, 'acme')).toEqual([undefined]);
    const graph = bareGraph([makeNode('Mystery', ['f'], ['y'], { domain: 'acme' })], ['f'], []);
    graph.values = [{ name: 'y', dtype: 'bfloat16' }];
    expect(elementTypes(graph).get('y')).toBe('bfloat16');
  });
});

describe('control flow', () => {
  test('If has the types of its first branch, which sees what is around it', () => {
    const branch = bareGraph([makeNode('Add', ['h', 'h'], ['inner'])], [], ['inner']);
    expect(typesOf([withGraphs('If', ['b'], ['y'], branch, branch)]).get('y')).toBe('float16');
  });

  test("Loop's body gives its condition first", () => {
    const body = bareGraph([makeNode('Identity', ['i'], ['count'])], [], ['go', 'count']);
    body.outputs = [{ name: 'go', dtype: 'bool' }, { name: 'count' }];
    expect(typesOf([withGraphs('Loop', ['i', 'b', 'i'], ['y'], body)]).get('y')).toBe('int64');
  });
});
