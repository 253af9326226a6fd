// The trial run: shapes and small values of ONNX operators, against results worked out by hand from the operators' definitions.
import { describe, expect, test } from 'vitest';
import { traceGraph } from '../../src/ir/trace/trace.ts';
import type { Graph, Node } from '../../src/ir/graph.ts';
import { makeNode, type AttrValue } from '../../src/ir/node.ts';
import { floats, int64s, memoryTensor, type Tensor } from '../../src/ir/tensor.ts';
import { indexUses } from '../../src/ir/uses.ts';

/** Trace `nodes` over `constants` and an input x [batch, 4] of int64; batch is 3. */
function traced(nodes: readonly Node[], constants: Readonly<Record<string, Tensor>> = {}) {
  const graph: Graph = {
    name: 'g',
    inputs: [{ name: 'x', dtype: 'int64', shape: ['batch', 4] }],
    outputs: [],
    values: [],
    nodes: [...nodes],
    initializers: new Map(Object.entries(constants)),
    sparse: new Map(),
  };
  return traceGraph(graph, indexUses(graph));
}

function one(
  op: string,
  inputs: readonly Tensor[],
  attrs: Record<string, AttrValue> = {},
): { shape: readonly number[]; data: number[] } | undefined {
  const constants = Object.fromEntries(inputs.map((tensor, i) => [`c${i}`, tensor]));
  const out = traced([makeNode(op, Object.keys(constants), ['y'], { attrs })], constants).known('y');
  return out && { shape: out.shape, data: Array.from(out.data) };
}

const grid = int64s([2, 3], [1, 2, 3, 4, 5, 6]);

describe('values', () => {
  test.each<[string, readonly Tensor[], Record<string, AttrValue>, readonly number[], readonly number[]]>([
    ['Add', [grid, int64s([2, 1], [10, 20])], {}, [2, 3], [11, 12, 13, 24, 25, 26]],
    ['Div', [int64s([2], [-7, 7]), int64s([], [2])], {}, [2], [-3, 3]],
    ['Mod', [int64s([2], [-7, 7]), int64s([], [4])], {}, [2], [1, 3]],
    ['Transpose', [grid], {}, [3, 2], [1, 4, 2, 5, 3, 6]],
    [
      'Slice',
      [grid, int64s([1], [-1]), int64s([1], [-9]), int64s([1], [1]), int64s([1], [-1])],
      {},
      [2, 3],
      [3, 2, 1, 6, 5, 4],
    ],
    ['Slice', [grid, int64s([1], [1]), int64s([1], [2 ** 53]), int64s([1], [1])], {}, [2, 2], [2, 3, 5, 6]],
    ['Gather', [grid, int64s([2], [-1, 0])], { axis: 1n }, [2, 2], [3, 1, 6, 4]],
    ['GatherElements', [grid, int64s([1, 3], [1, 0, 1])], { axis: 0n }, [1, 3], [4, 2, 6]],
    ['GatherND', [grid, int64s([2, 2], [0, 1, 1, 2])], {}, [2], [2, 6]],
    ['Concat', [grid, int64s([2, 1], [7, 8])], { axis: -1n }, [2, 4], [1, 2, 3, 7, 4, 5, 6, 8]],
    ['Expand', [int64s([1, 2], [1, 2]), int64s([2], [2, 1])], {}, [2, 2], [1, 2, 1, 2]],
    ['Tile', [int64s([2], [1, 2]), int64s([1], [2])], {}, [4], [1, 2, 1, 2]],
    ['CumSum', [grid, int64s([], [1])], {}, [2, 3], [1, 3, 6, 4, 9, 15]],
    ['CumSum', [grid, int64s([], [0])], { exclusive: 1n }, [2, 3], [0, 0, 0, 1, 2, 3]],
    ['Trilu', [grid], { upper: 0n }, [2, 3], [1, 0, 0, 4, 5, 0]],
    ['ReduceSum', [grid, int64s([1], [0])], { keepdims: 0n }, [3], [5, 7, 9]],
    ['ReduceMax', [grid], { axes: [-1n] }, [2, 1], [3, 6]],
    ['Range', [int64s([], [2]), int64s([], [7]), int64s([], [2])], {}, [3], [2, 4, 6]],
    ['Where', [memoryTensor('bool', [2], Uint8Array.of(1, 0)), int64s([], [5]), int64s([2], [6, 7])], {}, [2], [5, 7]],
    ['Unsqueeze', [grid, int64s([2], [0, -1])], {}, [1, 2, 3, 1], [1, 2, 3, 4, 5, 6]],
    ['Squeeze', [int64s([1, 2, 1], [1, 2])], { axes: [0n] }, [2, 1], [1, 2]],
    ['Reshape', [grid, int64s([3], [0, -1, 1])], {}, [2, 3, 1], [1, 2, 3, 4, 5, 6]],
    ['Cast', [floats([2], [-1.7, 1.7])], { to: 7n }, [2], [-1, 1]],
    ['Equal', [grid, int64s([], [4])], {}, [2, 3], [0, 0, 0, 1, 0, 0]],
  ])('%s (%#)', (op, inputs, attrs, shape, data) => {
    expect(one(op, inputs, attrs)).toEqual({ shape, data });
  });

  test('half precision constants are read', () => {
    const half = memoryTensor('float16', [4], Uint16Array.of(0x3c00, 0xfbff, 0x3400, 0xfc00));
    expect(one('Identity', [half])?.data).toEqual([1, -65504, 0.25, -Infinity]);
  });

  test('shapes become values: the arithmetic of exporters', () => {
    const trace = traced(
      [
        makeNode('Shape', ['x'], ['s']),
        makeNode('Gather', ['s', 'zero'], ['b']),
        makeNode('Unsqueeze', ['b', 'nil'], ['b1']),
        makeNode('Concat', ['b1', 'rest'], ['to'], { attrs: { axis: 0n } }),
        makeNode('Reshape', ['x', 'to'], ['y']),
      ],
      { zero: int64s([], [0]), nil: int64s([1], [0]), rest: int64s([2], [2, -1]) },
    );
    expect(trace.dims('y')).toEqual([3, 2, 2]);
  });
});

describe('shapes', () => {
  const shapeOf = (op: string, shapes: readonly (readonly number[])[], attrs: Record<string, AttrValue> = {}) => {
    const constants = Object.fromEntries(
      shapes.map((shape, i) => [
        `c${i}`,
        floats(
          shape,
          Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1),
        ),
      ]),
    );
    return traced([makeNode(op, Object.keys(constants), ['y'], { attrs })], constants).dims('y');
  };
  test.each<[string, readonly (readonly number[])[], Record<string, AttrValue>, readonly number[]]>([
    [
      'MatMul',
      [
        [2, 1, 3, 4],
        [5, 4, 6],
      ],
      {},
      [2, 5, 3, 6],
    ],
    ['MatMul', [[4], [4, 6]], {}, [6]],
    [
      'Gemm',
      [
        [3, 4],
        [6, 4],
      ],
      { transB: 1n },
      [3, 6],
    ],
    [
      'Einsum',
      [
        [2, 3, 4],
        [4, 5, 6],
      ],
      { equation: 'abc,cde->abde' },
      [2, 3, 5, 6],
    ],
    [
      'Conv',
      [
        [1, 4, 10],
        [8, 1, 3],
      ],
      { group: 4n, pads: [1n, 1n] },
      [1, 8, 10],
    ],
    ['Flatten', [[2, 3, 4]], { axis: 2n }, [6, 4]],
    ['ReduceMean', [[2, 3, 4]], { axes: [-1n] }, [2, 3, 1]],
  ])('%s (%#)', (op, shapes, attrs, expected) => {
    expect(shapeOf(op, shapes, attrs)).toEqual(expected);
  });

  test('an operator without a rule leaves what the file says', () => {
    const graph: Graph = {
      name: 'g',
      inputs: [{ name: 'x', dtype: 'int64', shape: ['batch', 4] }],
      outputs: [],
      values: [{ name: 'y', dtype: 'float32', shape: ['batch', 7, null] }],
      nodes: [makeNode('Mystery', ['x'], ['y'], { domain: 'acme' })],
      initializers: new Map(),
      sparse: new Map(),
    };
    expect(traceGraph(graph, indexUses(graph)).dims('y')).toEqual([3, 7, undefined]);
  });

  test('large weights are never read', () => {
    const weight: Tensor = {
      dtype: 'float32',
      shape: [1000, 1000],
      byteLength: 4e6,
      bytes: () => {
        throw new Error('read');
      },
    };
    const trace = traced([makeNode('Transpose', ['w'], ['t'])], { w: weight });
    expect(trace.known('t')).toBeUndefined();
    expect(trace.dims('t')).toEqual([1000, 1000]);
  });
});
