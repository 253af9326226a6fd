// Sweeping: what nobody reads goes, what anybody reads stays.
import { expect, test } from 'vitest';
import { makeNode } from '../../src/ir/node.ts';
import { sweep } from '../../src/ir/sweep.ts';
import { floats } from '../../src/ir/tensor.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';

test('dead nodes and the weights only they read go; live ones stay in order', () => {
  const nodes = [
    makeNode('Add', ['x', 'w'], ['a']),
    makeNode('Mul', ['a', 'dead_w'], ['d1']),
    makeNode('Neg', ['d1'], ['d2']),
    makeNode('Relu', ['a'], ['y']),
  ];
  const graph = bareGraph(nodes, ['x', 'unused'], ['y']);
  for (const name of ['w', 'dead_w']) graph.initializers.set(name, floats([], [1]));
  graph.values = ['a', 'd1', 'gone'].map((name) => ({ name, dtype: 'float32' }));
  expect(sweep(graph)).toEqual({ nodes: 2, initializers: 1 });
  expect(graph.nodes).toEqual([nodes[0], nodes[3]]);
  expect([...graph.initializers.keys()]).toEqual(['w']);
  expect(graph.values.map(({ name }) => name)).toEqual(['a']);
  expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'unused']);
  expect(sweep(graph)).toEqual({ nodes: 0, initializers: 0 });
});

test('a node with one live output stays; so do weights that only a subgraph reads, and weights that are outputs', () => {
  const branch = bareGraph([makeNode('Add', ['x', 'w'], ['z'])], [], ['z']);
  const nodes = [makeNode('Split', ['x'], ['a', 'b']), withGraphs('If', ['a'], ['y'], branch)];
  const graph = bareGraph(nodes, ['x'], ['y', 'out']);
  for (const name of ['w', 'out', 'dead']) graph.initializers.set(name, floats([], [1]));
  graph.sparse.set('sp', {});
  expect(sweep(graph)).toEqual({ nodes: 0, initializers: 2 });
  expect([...graph.initializers.keys()]).toEqual(['w', 'out']);
  expect(graph.sparse.size).toBe(0);
});

test('a dead initializer that is an input too goes as both, a live one stays as both', () => {
  const graph = bareGraph([makeNode('Add', ['x', 'w'], ['y'])], ['x', 'w', 'dead'], ['y']);
  for (const name of ['w', 'dead']) graph.initializers.set(name, floats([], [1]));
  sweep(graph);
  expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'w']);
  expect([...graph.initializers.keys()]).toEqual(['w']);
});

test('a node with two hundred thousand inputs', () => {
  const names = Array.from({ length: 200_000 }, (_, i) => `v${i}`);
  const graph = bareGraph([makeNode('Concat', names, ['y'])], names, ['y']);
  expect(sweep(graph)).toEqual({ nodes: 0, initializers: 0 });
});
