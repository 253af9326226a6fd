// The printed form of a graph: what snapshots of passes are made of.
import { expect, test } from 'vitest';
import type { Attribute, Node } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';
import { printGraph, printNode } from '../../src/ir/print.ts';
import { floats, int64s } from '../../src/ir/tensor.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';

test('a graph', () => {
  const gemm = makeNode('Gemm', ['x', 'w', ''], ['y'], {
    attrs: { alpha: 0.5, transB: 1n, perm: [1n, 0n], scales: [0.5, 2], mode: 'a"b', t: int64s([2], [1, 2]) },
  });
  const graph = bareGraph([gemm, makeNode('FastGelu', ['y'], ['z'], { domain: 'com.microsoft' })], [], []);
  graph.inputs = [
    { name: 'x', dtype: 'float32', shape: ['batch', null, 3] },
    { name: 'r', dtype: 'int64' },
  ];
  graph.outputs = [{ name: 'z' }];
  graph.initializers.set('w', floats([2, 3], new Float32Array(6)));
  expect(printGraph(graph)).toMatchInlineSnapshot(`
    "graph g(x: float32[batch,?,3], r: int64) -> (z: ?)
      w: float32[2,3]
      y = Gemm(x, w, ) {alpha=0.5, transB=1, perm=[1,0], scales=[0.5,2], mode="a\\"b", t=int64[2]}
      z = com.microsoft::FastGelu(y)
    "
  `);
});

test('attributes of the other types', () => {
  const attrs = new Map<string, Attribute>([
    ['gs', { type: 'graphs', value: [] }],
    ['ss', { type: 'strings', value: [] }],
    ['o', { type: 'other' }],
  ]);
  const node: Node = { ...makeNode('Custom', ['a'], ['b', '']), attrs };
  expect(printNode(node)).toMatchInlineSnapshot(`"b,  = Custom(a) {gs=graphs, ss=strings, o=other}"`);
  expect(printNode(withGraphs('If', ['c'], ['y'], bareGraph([], [], [])))).toMatchInlineSnapshot(
    `"y = If(c) {body0=graph g}"`,
  );
});

test('bodies of subgraphs stand below their node', () => {
  const body = bareGraph([makeNode('Add', ['x', 'w'], ['sum'])], [], ['sum']);
  body.initializers.set('w', floats([2], [1, 2]));
  const graph = bareGraph([withGraphs('If', ['c'], ['y'], body, bareGraph([], [], ['x']))], ['c', 'x'], ['y']);
  expect(printGraph(graph)).toMatchInlineSnapshot(`
    "graph g(c: ?, x: ?) -> (y: ?)
      y = If(c) {body0=graph g, body1=graph g}
        graph g() -> (sum: ?)
          w: float32[2]
          sum = Add(x, w)
        graph g() -> (x: ?)
    "
  `);
});
