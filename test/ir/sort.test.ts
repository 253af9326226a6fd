// Topological order: stable, whole, and honest about cycles and missing values.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Node } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';
import { orderedNodes, readsOf, sortNodes } from '../../src/ir/sort.ts';
import { floats } from '../../src/ir/tensor.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';
import { cpuTimeOf } from '../support/cpu-time.ts';

const node = (output: string, ...inputs: readonly string[]): Node => makeNode('Op', inputs, [output]);
const order = (nodes: readonly Node[]): string[] => nodes.map(({ outputs }) => outputs[0]!);

test('sorted nodes stay as they are', () => {
  const nodes = [node('a', 'x'), node('b', 'x'), node('c', 'b', 'a'), node('d', 'x')];
  expect(sortNodes(nodes, new Set(['x']))).toEqual({ nodes });
});

test('a node moves only behind what it reads', () => {
  const nodes = [node('c', 'b', 'a'), node('a', 'x'), node('b', 'x'), node('d', 'c')];
  expect(order(sortNodes(nodes, new Set(['x'])).nodes)).toEqual(['a', 'b', 'c', 'd']);
});

test('a node waits for what its subgraphs capture', () => {
  const choice = withGraphs('If', ['x'], ['y'], bareGraph([node('z', 'late')], [], ['z']));
  expect(readsOf(choice)).toEqual(['x', 'late']);
  expect(order(sortNodes([choice, node('late', 'x')], new Set(['x'])).nodes)).toEqual(['late', 'y']);
});

test('omitted inputs and outputs bind nothing', () => {
  const nodes = [makeNode('Op', ['', 'x'], ['a', '']), makeNode('Op', ['', 'a'], ['', 'b'])];
  expect(sortNodes(nodes, new Set(['x'])).nodes).toEqual(nodes);
});

describe('faults', () => {
  test('a value that nobody makes is named with its reader', () => {
    const reader = node('b', 'a', 'nowhere');
    expect(sortNodes([node('a', 'x'), reader], new Set(['x'])).missing).toEqual({ node: reader, value: 'nowhere' });
  });

  test('a cycle is named by a node on it, not by one that hangs from it', () => {
    const nodes = [node('after', 'q'), node('p', 'q'), node('q', 'p', 'x'), node('free', 'x')];
    const { cycle, nodes: rest } = sortNodes(nodes, new Set(['x']));
    expect(['p', 'q']).toContain(cycle?.outputs[0]);
    expect(order(rest)).toEqual(['free']);
  });

  test('a node that reads itself is a cycle', () => {
    const self = node('a', 'a');
    expect(sortNodes([self], new Set()).cycle).toBe(self);
  });
});

test('any shuffled graph comes out whole and in order, and sorting again changes nothing', () => {
  const graphs = fc.integer({ min: 1, max: 60 }).chain((size) =>
    fc.record({
      edges: fc.array(fc.array(fc.nat(size), { maxLength: 3 }), { minLength: size, maxLength: size }),
      shuffle: fc.shuffledSubarray(
        Array.from({ length: size }, (_, i) => i),
        { minLength: size, maxLength: size },
      ),
    }),
  );
  fc.assert(
    fc.property(graphs, ({ edges, shuffle }) => {
      const all = edges.map((from, i) => node(`v${i}`, ...from.map((to) => (to < i ? `v${to}` : 'x'))));
      const shuffled = shuffle.map((i) => all[i]!);
      const { nodes, cycle, missing } = sortNodes(shuffled, new Set(['x']));
      expect(cycle ?? missing).toBeUndefined();
      expect(new Set(nodes)).toEqual(new Set(all));
      const made = new Set(['x']);
      for (const each of nodes) {
        expect(each.inputs.every((input) => made.has(input))).toBe(true);
        made.add(each.outputs[0]!);
      }
      expect(sortNodes(nodes, new Set(['x'])).nodes).toEqual(nodes);
    }),
  );
});

test('a hundred thousand nodes take no longer than a blink', () => {
  const nodes = Array.from({ length: 100_000 }, (_, i) => node(`v${i}`, i === 99_999 ? 'x' : `v${i + 1}`));
  const sort = () => expect(sortNodes(nodes, new Set(['x'])).nodes[0]).toBe(nodes.at(-1));
  expect(cpuTimeOf(sort)).toBeLessThan(2000);
});

test('a graph in order, its inputs and weights being there from the start', () => {
  const graph = bareGraph([node('b', 'a', 'w'), node('a', 'x')], ['x'], ['b']);
  graph.initializers.set('w', floats([], [1]));
  expect(order(orderedNodes(graph))).toEqual(['a', 'b']);
  expect(order(graph.nodes)).toEqual(['b', 'a']);
});
