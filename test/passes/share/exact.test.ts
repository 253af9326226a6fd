import { describe, expect, it } from 'vitest';
import { makeNode } from '../../../src/ir/node.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { floats } from '../../../src/ir/tensor.ts';
import { shareExact } from '../../../src/passes/share/exact.ts';
import { withGraphs } from '../../support/bare-graph.ts';
import { floatValue as float, intValue as int64, modelOf, quietContext } from '../../support/graphs.ts';
import { runModel } from '../../support/run-model.ts';

const weight = (seed: number, rows = 16, columns = 16) =>
  floats(
    [rows, columns],
    Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + 0.7 * i)),
  );

/** Two products in a row, their weights under two names. */
function twice(a = weight(1), b = weight(1)) {
  return modelOf({
    inputs: [float('x', 'n', 16)],
    outputs: [float('y', 'n', 16)],
    nodes: [makeNode('MatMul', ['x', 'a'], ['h']), makeNode('MatMul', ['h', 'b'], ['y'])],
    initializers: { a, b },
  });
}

/** A table that rows are gathered from, and a decoder that is its transpose. */
function tied(decoder = transposeOf(weight(2, 24, 16))) {
  return modelOf({
    inputs: [int64('ids', 'n', 's')],
    outputs: [float('y', 'n', 's', 24)],
    nodes: [makeNode('Gather', ['table', 'ids'], ['h']), makeNode('MatMul', ['h', 'decoder'], ['y'])],
    initializers: { decoder, table: weight(2, 24, 16) },
  });
}

function transposeOf(tensor: ReturnType<typeof weight>) {
  const [rows, columns] = tensor.shape as [number, number];
  const values = new Float32Array(tensor.bytes().buffer, tensor.bytes().byteOffset, rows * columns);
  return floats(
    [columns, rows],
    Array.from({ length: rows * columns }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!),
  );
}

const run = (model: ReturnType<typeof modelOf>, least = 0) => shareExact.run(model, { least }, quietContext);

describe('share-exact', () => {
  it('stores equal weights once, and the outputs stay the same bit by bit', async () => {
    const model = twice();
    const { model: shared, changed, stats } = run(model);
    expect({ changed, stats }).toEqual({
      changed: true,
      stats: { shared: 1, transposed: 0, 'saved bytes': 1024 },
    });
    expect([...shared.graph.initializers.keys()]).toEqual(['a']);
    expect([...model.graph.initializers.keys()]).toEqual(['a', 'b']);
    const options = { dims: [3, 16] };
    expect(await runModel(shared, options)).toEqual(await runModel(model, options));
  });

  it('leaves a graph alone in which all differ, and its own result', () => {
    const model = twice(weight(1), weight(3));
    expect(run(model)).toMatchObject({ changed: false, model });
    expect(run(run(twice()).model).changed).toBe(false);
  });

  it('tells weights apart that differ in one bit in a place that no sample looks at', () => {
    const values = Array.from({ length: 4096 }, (_, i) => Math.sin(i));
    const other = values.with(700, values[700]! + 1e-6);
    expect(run(twice(floats([64, 64], values), floats([64, 64], other))).changed).toBe(false);
    expect(run(twice(floats([64, 64], values), floats([64, 64], values))).changed).toBe(true);
  });

  it('does not take -0 for 0, nor another shape for the same', () => {
    expect(run(twice(floats([2], [0, 1]), floats([2], [-0, 1]))).changed).toBe(false);
    expect(run(twice(floats([2, 1], [0, 1]), floats([1, 2], [0, 1]))).changed).toBe(false);
  });

  it('leaves what is smaller than asked for', () => {
    expect(run(twice(), 1025).changed).toBe(false);
    expect(run(twice(), 1024).changed).toBe(true);
  });

  it('keeps the table and makes the decoder its transpose', async () => {
    const model = tied();
    const { model: shared, stats } = run(model);
    expect(stats).toEqual({ shared: 0, transposed: 1, 'saved bytes': 1536 });
    expect([...shared.graph.initializers.keys()]).toEqual(['table']);
    expect(shared.graph.nodes[0]).toMatchObject({ op: 'Transpose', inputs: ['table'], outputs: ['decoder'] });
    const options = { vocabulary: 24 };
    expect(await runModel(shared, options)).toEqual(await runModel(model, options));
    expect(run(shared).changed).toBe(false);
  });

  it('does not tie a decoder that differs in one number', () => {
    const decoder = transposeOf(weight(2, 24, 16));
    const values = new Float32Array(decoder.bytes().slice().buffer);
    values[101]! += 1;
    expect(run(tied(floats([16, 24], [...values]))).changed).toBe(false);
  });

  it('merges Constant nodes with initializers, and what a subgraph reads from outside', () => {
    const constant = makeNode('Constant', [], ['b'], { attrs: { value: weight(1) } });
    const inner: Graph = { ...twice().graph, inputs: [], nodes: [makeNode('MatMul', ['x', 'b'], ['y'])] };
    inner.initializers = new Map();
    const model = twice();
    model.graph.initializers.delete('b');
    model.graph.nodes = [constant, ...model.graph.nodes, withGraphs('If', ['x'], ['z'], inner)];
    const { graph } = run(model).model;
    expect(graph.nodes.map(({ op }) => op)).toEqual(['MatMul', 'MatMul', 'If']);
    expect(graph.nodes[1]!.inputs).toEqual(['h', 'a']);
    const body = graph.nodes[2]!.attrs.get('body0');
    expect(body?.type === 'graph' && body.value.nodes[0]!.inputs).toEqual(['x', 'a']);
  });

  it('leaves initializers that callers can override or read', () => {
    const override = twice();
    override.graph.inputs.push(float('b', 16, 16));
    expect(run(override).changed).toBe(false);
    const read = twice();
    read.graph.outputs.push(float('b', 16, 16));
    expect(run(read).changed).toBe(false);
  });
});
