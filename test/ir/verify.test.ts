// The form a graph must have, its subgraphs and functions included.
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import type { Graph } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats } from '../../src/ir/tensor.ts';
import { checkFunction, checkGraph } from '../../src/ir/verify.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';

const relu = makeNode('Relu', ['x'], ['y'], { name: 'r' });
const check = (graph: Graph) => (): void => checkGraph(graph, 'm.onnx');

describe('a sound graph', () => {
  test.each<[string, Graph]>([
    ['nodes out of order', bareGraph([makeNode('Neg', ['h'], ['y']), makeNode('Relu', ['x'], ['h'])], ['x'], ['y'])],
    ['omitted inputs and outputs', bareGraph([makeNode('Op', ['x', '', ''], ['y', '', ''])], ['x'], ['y'])],
    ['an input that is an output', bareGraph([], ['x'], ['x'])],
    ['no nodes and no outputs', bareGraph([], [], [])],
    ['a value in two outputs', bareGraph([relu], ['x'], ['y', 'y'])],
  ])('with %s', (_title, graph) => expect(check(graph)).not.toThrow());

  test('with initializers that are inputs, and sparse ones', () => {
    const graph = bareGraph(
      [makeNode('Add', ['x', 'w'], ['h']), makeNode('Add', ['h', 'sp'], ['y'])],
      ['x', 'w'],
      ['y'],
    );
    graph.initializers.set('w', floats([], [1]));
    graph.sparse.set('sp', {});
    expect(check(graph)).not.toThrow();
  });

  test('with sibling subgraphs that use the same names, and one that shadows a name around it', () => {
    const branch = (op: string): Graph => bareGraph([makeNode(op, ['x'], ['z'])], [], ['z']);
    const shadow = bareGraph([makeNode('Neg', ['x'], ['q'])], ['x'], ['q']);
    const nodes = [
      withGraphs('If', ['x'], ['a'], branch('Neg'), branch('Abs')),
      withGraphs('Loop', ['a'], ['y'], shadow),
    ];
    expect(check(bareGraph(nodes, ['x'], ['y']))).not.toThrow();
  });
});

describe('faults are one line: where, what was expected, what was found', () => {
  const inner = (graph: Graph): Graph => bareGraph([withGraphs('If', ['x'], ['y'], graph)], ['x'], ['y']);

  test.each<[string, Graph, string]>([
    [
      'a second writer',
      bareGraph([relu, relu], ['x'], ['y']),
      "m.onnx: expected one definition of value 'y', found a second (node 'r', op Relu)",
    ],
    ['a written input', bareGraph([makeNode('Neg', ['x'], ['x'])], ['x'], ['x']), "one definition of value 'x'"],
    ['an input twice', bareGraph([], ['x', 'x'], []), "one definition of value 'x', found a second (graph input)"],
    [
      'a missing value',
      bareGraph([relu], [], ['y']),
      "m.onnx: expected a writer of 'x', found none (node 'r', op Relu)",
    ],
    ['a missing output', bareGraph([relu], ['x'], ['q']), "expected a writer of the output 'q', found none"],
    [
      'a cycle',
      bareGraph([makeNode('Neg', ['y'], ['y'])], [], ['y']),
      'expected a graph without cycles, found one through node',
    ],
    [
      'a missing value in a subgraph',
      inner(bareGraph([makeNode('Neg', ['q'], ['z'])], [], ['z'])),
      "expected a writer of 'q', found none",
    ],
    ['a missing output of a subgraph', inner(bareGraph([], [], ['z'])), "expected a writer of 'z', found none"],
    [
      'a second writer in a subgraph',
      inner(bareGraph([makeNode('Neg', ['x'], ['z']), makeNode('Abs', ['x'], ['z'])], [], ['z'])),
      "m.onnx: subgraph of node 'y_If', op If: expected one definition",
    ],
    [
      'a value of a sibling subgraph',
      bareGraph(
        [
          withGraphs(
            'If',
            ['x'],
            ['y'],
            bareGraph([makeNode('Neg', ['x'], ['s'])], [], ['s']),
            bareGraph([makeNode('Neg', ['s'], ['t'])], [], ['t']),
          ),
        ],
        ['x'],
        ['y'],
      ),
      "expected a writer of 's'",
    ],
  ])('%s', (_title, graph, message) => {
    expect(check(graph)).toThrow(ModelError);
    expect(check(graph)).toThrow(message);
  });

  test('a function sees nothing around it', () => {
    const def = { name: 'f', domain: '', inputs: ['a'], outputs: ['b'] };
    expect(() => checkFunction({ ...def, nodes: [makeNode('Neg', ['a'], ['b'])] }, 'f')).not.toThrow();
    expect(() => checkFunction({ ...def, nodes: [makeNode('Add', ['a', 'x'], ['b'])] }, 'f')).toThrow(
      "f: expected a writer of 'x'",
    );
  });
});
