// A clone can be changed without changing what it was made from, and shares the weights.
import { expect, test } from 'vitest';
import { cloneModel } from '../../src/ir/clone.ts';
import { makeNode } from '../../src/ir/node.ts';
import { printGraph } from '../../src/ir/print.ts';
import { floats } from '../../src/ir/tensor.ts';
import { tinyBert } from '../support/bert.ts';

test('changes of every container stay in the clone', () => {
  const model = tinyBert();
  model.metadata.set('k', 'v');
  const before = printGraph(model.graph);
  const copy = cloneModel(model);
  expect(printGraph(copy.graph)).toBe(before);
  for (const [name, tensor] of copy.graph.initializers) expect(tensor).toBe(model.graph.initializers.get(name));
  copy.graph.nodes.push(makeNode('Neg', ['x'], ['new']));
  copy.graph.initializers.set('new', floats([], [1]));
  copy.graph.sparse.set('new', {});
  for (const list of [copy.graph.inputs, copy.graph.outputs, copy.graph.values]) list.push({ name: 'new' });
  copy.opsets.set('new', 1);
  copy.metadata.clear();
  copy.functions.push({ name: 'f', domain: '', inputs: [], outputs: [], nodes: [] });
  copy.graph.name = 'other';
  expect(printGraph(model.graph)).toBe(before);
  expect(model.graph.values.some(({ name }) => name === 'new')).toBe(false);
  expect([...model.metadata]).toEqual([['k', 'v']]);
  expect(model.opsets.has('new')).toBe(false);
  expect(model.functions).toEqual([]);
  expect(model.graph.sparse.size).toBe(0);
});
