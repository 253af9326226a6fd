// Fresh names collide with nothing that the graph or its subgraphs know.
import { expect, test } from 'vitest';
import { makeNode } from '../../src/ir/node.ts';
import { Names } from '../../src/ir/names.ts';
import { floats } from '../../src/ir/tensor.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';

test('a free name is given as it is, then numbered, and never twice', () => {
  const names = new Names(bareGraph([makeNode('Neg', ['x'], ['y'])], ['x'], ['y']));
  expect(['w', 'w', 'w', 'x', 'y'].map((wanted) => names.fresh(wanted))).toEqual(['w', 'w_1', 'w_2', 'x_1', 'y_1']);
});

test('names of inputs, weights, sparse weights, inner types, captured values and subgraphs are taken', () => {
  const branch = bareGraph([makeNode('Add', ['inner_w', 'captured'], ['inner'])], ['inner_in'], ['inner']);
  branch.initializers.set('inner_w', floats([], [1]));
  const graph = bareGraph([withGraphs('If', ['c'], ['y'], branch)], ['c'], ['y']);
  graph.initializers.set('w', floats([], [1]));
  graph.sparse.set('sp', {});
  graph.values.push({ name: 'typed' });
  const taken = ['c', 'y', 'w', 'sp', 'typed', 'inner', 'inner_in', 'inner_w', 'captured'];
  const names = new Names(graph);
  expect(taken.map((name) => names.fresh(name))).toEqual(taken.map((name) => `${name}_1`));
});
