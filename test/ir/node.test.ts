// Making nodes and reading their attributes.
import { expect, test } from 'vitest';
import { floatAttr, intAttr, intsAttr, isStandard, makeNode, stringAttr, tensorAttr } from '../../src/ir/node.ts';
import { floats } from '../../src/ir/tensor.ts';

const tensor = floats([], [1]);
const node = makeNode('Op', ['x'], ['y'], {
  attrs: { i: 3n, f: 1, s: 'weiß', t: tensor, is: [1n, -2n], fs: [0.5], none: [] },
});

test('the type of a value decides the type of the attribute: bigint is int, number is float', () => {
  expect([...node.attrs].map(([name, { type }]) => `${name} ${type}`)).toEqual([
    'i int',
    'f float',
    's string',
    't tensor',
    'is ints',
    'fs floats',
    'none ints',
  ]);
});

test('attributes are read by their type, and undefined otherwise', () => {
  expect(intAttr(node, 'i')).toBe(3);
  expect(floatAttr(node, 'f')).toBe(1);
  expect(stringAttr(node, 's')).toBe('weiß');
  expect(tensorAttr(node, 't')).toBe(tensor);
  expect(intsAttr(node, 'is')).toEqual([1, -2]);
  for (const read of [intAttr, floatAttr, stringAttr, tensorAttr, intsAttr]) {
    expect(read(node, 'absent')).toBeUndefined();
    expect(read(node, 'fs')).toBeUndefined();
  }
});

test('a node is named after its first output and stands in the standard domain, unless told otherwise', () => {
  expect(node).toMatchObject({ name: 'y_Op', domain: '' });
  expect(makeNode('Op', [], ['y'], { name: 'n', domain: 'com.microsoft' })).toMatchObject({
    name: 'n',
    domain: 'com.microsoft',
  });
  expect(isStandard(node)).toBe(true);
  expect(isStandard({ ...node, domain: 'ai.onnx' })).toBe(true);
  expect(isStandard({ ...node, domain: 'ai.onnx.ml' })).toBe(false);
});
