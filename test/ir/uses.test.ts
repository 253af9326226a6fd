// Producers and consumers, and what subgraphs capture.
import { describe, expect, test } from 'vitest';
import type { Attribute, Graph, Node } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats } from '../../src/ir/tensor.ts';
import { capturedBy, indexUses, subgraphsOf } from '../../src/ir/uses.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';

describe('an index', () => {
  const split = makeNode('Split', ['x', ''], ['a', '', 'b']);
  const add = makeNode('Add', ['a', 'a'], ['y']);
  const uses = indexUses(bareGraph([split, add], ['x'], ['y', 'b']));

  test('names the writer of each output, omitted ones apart', () => {
    expect([...uses.producer]).toEqual([
      ['a', split],
      ['b', split],
      ['y', add],
    ]);
  });

  test('lists each reading with its place, omitted inputs apart', () => {
    expect(uses.consumers.get('a')).toEqual([
      { node: add, index: 0 },
      { node: add, index: 1 },
    ]);
    expect(uses.consumers.get('x')).toEqual([{ node: split, index: 0 }]);
    expect(uses.consumers.has('')).toBe(false);
  });

  test('knows the graph outputs', () => expect([...uses.outputs]).toEqual(['y', 'b']));
});

describe('captured values', () => {
  const captured = (...graphs: readonly Graph[]): string[] =>
    [...capturedBy(withGraphs('If', ['c'], ['out'], ...graphs))].toSorted();

  test('are what a subgraph reads and does not make', () => {
    const body = bareGraph([makeNode('Add', ['x', 'w'], ['h']), makeNode('Mul', ['h', 'k'], ['z'])], ['k'], ['z']);
    body.initializers.set('w', floats([], [1]));
    expect(captured(body)).toEqual(['x']);
  });

  test('are found whatever the order of nodes', () => {
    expect(captured(bareGraph([makeNode('Mul', ['h', 'h'], ['z']), makeNode('Neg', ['x'], ['h'])], [], ['z']))).toEqual(
      ['x'],
    );
  });

  test('of sibling branches are kept apart: a name local to one may be captured by the other', () => {
    const makes = bareGraph([makeNode('Neg', ['x'], ['v'])], [], ['v']);
    const reads = bareGraph([makeNode('Neg', ['v'], ['u'])], [], ['u']);
    expect(captured(makes, reads)).toEqual(['v', 'x']);
  });

  test('include a branch output that is a value from outside', () => {
    expect(captured(bareGraph([], [], ['x']))).toEqual(['x']);
  });

  test('reach through subgraphs within subgraphs, as far as the name is made', () => {
    const inner = bareGraph([makeNode('Add', ['h', 'far'], ['i'])], [], ['i']);
    const outer = bareGraph([makeNode('Neg', ['x'], ['h']), withGraphs('If', ['c2'], ['o'], inner)], [], ['o']);
    expect(captured(outer)).toEqual(['c2', 'far', 'x']);
    const node: Node = withGraphs('If', ['c'], ['y'], outer);
    const uses = indexUses(bareGraph([node], ['x', 'far', 'c', 'c2'], ['y']));
    expect(uses.consumers.get('far')).toEqual([{ node, index: -1 }]);
    expect(uses.consumers.get('c')).toEqual([{ node, index: 0 }]);
  });

  test('subgraphs stand in attributes of either kind', () => {
    const graphs: Attribute = { type: 'graphs', value: [bareGraph([], [], ['p']), bareGraph([], [], ['q'])] };
    const node: Node = { ...makeNode('Custom', [], ['y']), attrs: new Map([['all', graphs]]) };
    expect(subgraphsOf(node)).toHaveLength(2);
    expect([...capturedBy(node)]).toEqual(['p', 'q']);
  });
});
