// Which numbers of a file are parameters.
import { expect, test } from 'vitest';
import { countParams } from '../../src/ir/params.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats, int64s, memoryTensor, type Tensor } from '../../src/ir/tensor.ts';
import { bareGraph } from '../support/bare-graph.ts';

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

function count(initializers: Record<string, Tensor>, constants: readonly Tensor[] = []): number {
  const nodes = constants.map((value, i) => makeNode('Constant', [], [`c${i}`], { attrs: { value } }));
  return countParams({ ...bareGraph(nodes, [], []), initializers: new Map(Object.entries(initializers)) });
}

test('floats of any width, and Constant nodes', () => {
  const half = memoryTensor('float16', [5], new Uint16Array(5));
  expect(count({ w: floats([2, 3], zeros(6)), h: half }, [floats([4], zeros(4))])).toBe(15);
});

test('shapes and indices are none', () => {
  expect(count({ shape: int64s([3], [1, 2, 3]), mask: memoryTensor('bool', [4], new Uint8Array(4)) })).toBe(0);
});

test('an 8-bit weight counts as its float form did, its scales and zero points do not', () => {
  expect(
    count({
      w_quantized: memoryTensor('int8', [2, 3], new Int8Array(6)),
      w_scale: floats([3], zeros(3)),
      w_scale_alpha: floats([3], zeros(3)),
      w_zero_point: memoryTensor('int8', [3], new Int8Array(3)),
      w_scale_1: floats([3], zeros(3)),
    }),
  ).toBe(6);
});
