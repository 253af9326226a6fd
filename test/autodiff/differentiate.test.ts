// The driver: what is differentiated, in which form gradients come, and what is refused.
import { expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { ModelError } from '../../src/errors.ts';
import { printGraph } from '../../src/ir/print.ts';
import type { Model, Node } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats, int64s, type Tensor } from '../../src/ir/tensor.ts';
import { floatValue, intValue, modelOf, wave } from '../support/graphs.ts';
import { tinyBert } from '../support/bert.ts';
import { gradientOf, lossAt, openGradients, slopes, type Feeds } from './support.ts';

const ids = { dtype: 'int64' as const, dims: [2, 3], data: BigInt64Array.from([1, 1, 3, 1, 0, 1], BigInt) };
const x = { dtype: 'float32' as const, dims: [2, 3], data: Float32Array.from([0.3, -1, 0.7, 1.1, 0.2, -0.4]) };

/** A model of inputs ids and x [batch, 3] that ends in the scalar 'loss', the mean square of `of`. */
function lossOf(of: string, nodes: readonly Node[], initializers: Record<string, Tensor>, opset = 17): Model {
  return modelOf({
    inputs: [intValue('ids', 'batch', 3), floatValue('x', 'batch', 3)],
    outputs: [{ name: of }],
    nodes: [
      ...nodes,
      makeNode('Mul', [of, of], ['squares']),
      makeNode('ReduceMean', ['squares'], ['loss'], { attrs: { keepdims: 0n } }),
    ],
    initializers,
    opset,
  });
}

const weight = (...shape: number[]): Tensor =>
  floats(
    shape,
    wave(
      shape.reduce((a, b) => a * b, 1),
      0.8,
    ),
  );

async function expectRight(model: Model, of: readonly string[], others: Feeds = {}): Promise<void> {
  const feeds: Feeds = { ids, x, ...others };
  const open = await openGradients(model, { loss: 'loss', of });
  for (const name of of) {
    const size = (open.weights[name] ?? feeds[name])!.data.length;
    const direction = { [name]: Float32Array.from({ length: size }, (_, i) => Math.sin(1 + 2.3 * i)) };
    const { analytic, numeric } = await slopes(open, feeds, direction, 0.01);
    expect(Math.abs(analytic - numeric), `${name}: ${analytic}, numeric ${numeric}`).toBeLessThan(
      1e-3 + 5e-3 * Math.abs(numeric),
    );
    expect(Math.abs(analytic)).toBeGreaterThan(0.01);
  }
  await open.session.release();
}

const embedded = makeNode('Gather', ['table', 'ids'], ['rows']);
const decoded = makeNode('MatMul', ['rows', 'turned'], ['scores']);
const turned = makeNode('Transpose', ['table'], ['turned'], { attrs: { perm: [1n, 0n] } });

test('a table that is gathered from comes by rows, repeats added by the caller', async () => {
  const model = lossOf('rows', [embedded], { table: weight(5, 4) });
  const made = differentiate(model, { loss: 'loss', of: ['table'] });
  expect(made.gradients.get('table')?.kind).toBe('rows');
  await expectRight(model, ['table']);
});

test('a table behind Identity, gathered from twice, comes in two parts', async () => {
  const nodes = [
    makeNode('Identity', ['table'], ['same']),
    makeNode('Gather', ['same', 'ids'], ['first']),
    makeNode('Gather', ['table', 'two'], ['second']),
    makeNode('Concat', ['first', 'second'], ['all'], { attrs: { axis: 0n } }),
  ];
  const model = lossOf('all', nodes, { table: weight(5, 4), two: int64s([1, 3], [4, -1, 1]) });
  const gradient = differentiate(model, { loss: 'loss', of: ['table'] }).gradients.get('table');
  expect(gradient?.kind === 'rows' && gradient.parts.length).toBe(2);
  await expectRight(model, ['table']);
});

test('a tied decoder gets rows and a dense part', async () => {
  const model = lossOf('scores', [embedded, turned, decoded], { table: weight(5, 4) });
  const made = differentiate(model, { loss: 'loss', of: ['table'] });
  expect(made.gradients.get('table')?.kind).toBe('both');
  await expectRight(model, ['table']);
});

test('a weight stored [out, in] is read and differentiated in its own layout, without a copy', async () => {
  const nodes = [makeNode('Transpose', ['w'], ['wt']), makeNode('MatMul', ['x3', 'wt'], ['y'])];
  const wide = makeNode('Unsqueeze', ['x', 'axis'], ['x3']);
  const model = lossOf('y', [wide, ...nodes], { w: weight(4, 3), axis: int64s([1], [0]) });
  const made = differentiate(model, { loss: 'loss', of: ['w'] });
  expect(made.model.graph.nodes.map((node) => node.op)).not.toContain('Transpose');
  await expectRight(model, ['w']);
});

test('graph inputs and inner values: masks', async () => {
  const nodes = [makeNode('Mul', ['x', 'mask'], ['masked']), makeNode('Tanh', ['masked'], ['y'])];
  const model = lossOf('y', nodes, {});
  model.graph.inputs.push(floatValue('mask', 3));
  await expectRight(model, ['x', 'mask'], {
    x,
    mask: { dtype: 'float32', dims: [3], data: Float32Array.of(1, 0.5, 0) },
  });
  const open = await openGradients(model, { loss: 'loss', of: ['masked', 'x'] });
  const feeds = { ids, x, mask: { dtype: 'float32' as const, dims: [3], data: Float32Array.of(1, 0.5, 2) } };
  const results = await open.session.run(feeds);
  // dx = d masked times the mask
  const inner = [...gradientOf(open, results, 'masked')];
  const outer = [...gradientOf(open, results, 'x')];
  inner.forEach((value, i) => expect(outer[i]).toBeCloseTo(value * [1, 0.5, 2][i % 3]!, 6));
  await open.session.release();
});

test('only what is asked for becomes an input; the rest keeps its form', () => {
  const model = tinyBert();
  const nodes = [
    makeNode('Mul', ['logits', 'logits'], ['squares']),
    makeNode('ReduceMean', ['squares'], ['loss'], { attrs: { keepdims: 0n } }),
  ];
  model.graph.nodes.push(...nodes);
  const made = differentiate(model, { loss: 'loss', of: ['layer.1.output.weight'], keep: ['logits'] });
  const { inputs, outputs, initializers, nodes: all } = made.model.graph;
  expect(inputs.map((input) => input.name)).toContain('layer.1.output.weight');
  expect(initializers.has('layer.1.output.weight')).toBe(false);
  expect(initializers.has('layer.0.output.weight')).toBe(true);
  expect(outputs.map((output) => output.name).slice(0, 2)).toEqual(['loss', 'logits']);
  // nothing below the weight is differentiated: no Softmax gradient of any layer
  const backward = all.filter((node) => node.name.startsWith('grad'));
  expect(backward.some((node) => node.inputs.some((input) => /layer\.0|query|probs/.test(input)))).toBe(false);
  expect(model.graph.nodes.length).toBe(tinyBert().graph.nodes.length + 2);
});

test('two names with one gradient get an output each', () => {
  const nodes = [makeNode('Add', ['x', 'a'], ['xa']), makeNode('Add', ['xa', 'b'], ['y'])];
  const made = differentiate(lossOf('y', nodes, { a: weight(3), b: weight(3) }), { loss: 'loss', of: ['a', 'b'] });
  const names = [...made.gradients.values()].map((gradient) => gradient.kind === 'dense' && gradient.output);
  expect(new Set(names).size).toBe(2);
});

test('a value that the loss does not depend on is absent', () => {
  const nodes = [makeNode('Cast', ['u'], ['whole'], { attrs: { to: 7n } }), makeNode('Mul', ['x', 'w'], ['y'])];
  const made = differentiate(lossOf('y', nodes, { u: weight(3), w: weight(3) }), { loss: 'loss', of: ['u', 'w'] });
  expect([...made.gradients.keys()]).toEqual(['w']);
});

test('a loss of shape [1] and a weight used twice', async () => {
  const model = lossOf('y', [makeNode('Mul', ['x', 'w'], ['a']), makeNode('Add', ['a', 'w'], ['y'])], { w: weight(3) });
  model.graph.nodes[3] = makeNode('ReduceMean', ['flat'], ['loss'], { attrs: { keepdims: 1n } });
  model.graph.nodes.splice(3, 0, makeNode('Reshape', ['squares', 'line'], ['flat']));
  model.graph.initializers.set('line', int64s([1], [-1]));
  await expectRight(model, ['w']);
});

test('ScatterND with a reduction is never written', () => {
  const nodes = [
    makeNode('MatMul', ['x', 'w'], ['h']),
    makeNode('Gather', ['h', 'at'], ['y'], { attrs: { axis: 1n } }),
  ];
  const made = differentiate(lossOf('y', nodes, { w: weight(3, 4), at: int64s([3], [1, 1, 0]) }), {
    loss: 'loss',
    of: ['w'],
  });
  expect(printGraph(made.model.graph)).not.toContain('ScatterND');
  expect(printGraph(made.model.graph)).toContain('ScatterElements');
});

test('LayerNorm and GELU in parts are differentiated as one operator', async () => {
  const nodes = [
    makeNode('ReduceMean', ['x'], ['mean'], { attrs: { axes: [-1n] } }),
    makeNode('Sub', ['x', 'mean'], ['d']),
    makeNode('Pow', ['d', 'two'], ['dd']),
    makeNode('ReduceMean', ['dd'], ['var'], { attrs: { axes: [-1n] } }),
    makeNode('Add', ['var', 'eps'], ['var_eps']),
    makeNode('Sqrt', ['var_eps'], ['std']),
    makeNode('Div', ['d', 'std'], ['hat']),
    makeNode('Mul', ['hat', 'scale'], ['scaled']),
    makeNode('Add', ['scaled', 'bias'], ['normed']),
    makeNode('Div', ['normed', 'sqrt2'], ['s']),
    makeNode('Erf', ['s'], ['e']),
    makeNode('Add', ['e', 'one'], ['e1']),
    makeNode('Mul', ['half', 'normed'], ['h']),
    makeNode('Mul', ['h', 'e1'], ['y']),
  ];
  const numbers = { two: 2, eps: 1e-5, sqrt2: Math.SQRT2, one: 1, half: 0.5 };
  const constants = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, floats([], [value])]));
  const model = lossOf('y', nodes, { ...constants, scale: weight(3), bias: weight(3) }, 14);
  const made = differentiate(model, { loss: 'loss', of: ['scale', 'bias'] });
  const forward = made.model.graph.nodes.filter((node) => !node.name.startsWith('grad')).map((node) => node.op);
  expect(forward).toEqual(['LayerNormalization', 'Gelu', 'Mul', 'ReduceMean']);
  await expectRight(model, ['scale', 'bias']);
  // a value within the formula is differentiated part by part
  const parts = differentiate(model, { loss: 'loss', of: ['hat', 'e1', 'half'] });
  expect([...parts.gradients.keys()]).toEqual(['hat', 'e1', 'half']);
});

test('GELU at zero, and far out where exp(x^2) is infinite, has a gradient', async () => {
  const nodes = [makeNode('Gelu', ['x'], ['y'], { domain: 'com.microsoft' })];
  const model = lossOf('y', nodes, {});
  model.opsets.set('com.microsoft', 1);
  const open = await openGradients(model, { loss: 'loss', of: ['y', 'x'] });
  const far = { ...x, data: Float32Array.of(0, -40, 40, 1e-30, -13.5, 14) };
  const results = await open.session.run({ ids, x: far });
  const ratio = [...gradientOf(open, results, 'x')].map((dx, i) => dx / gradientOf(open, results, 'y')[i]!);
  expect(ratio[2]).toBeCloseTo(1, 6);
  expect(ratio[5]).toBeCloseTo(1, 6);
  expect([...gradientOf(open, results, 'x')].every((dx) => Number.isFinite(dx))).toBe(true);
  expect(await lossAt(open, { ids, x: far }, {}, 0)).toBeGreaterThan(0);
  await open.session.release();
});

test.each<[string, () => unknown, RegExp]>([
  [
    'an operator without a rule',
    () =>
      differentiate(lossOf('y', [makeNode('Mish', ['w'], ['y'], { name: 'odd' })], { w: weight(3) }, 18), {
        loss: 'loss',
        of: ['w'],
      }),
    /expected an operator with a gradient rule, found none.*node 'odd', op Mish/,
  ],
  [
    'a weight behind an input that a rule leaves out',
    () =>
      differentiate(lossOf('y', [makeNode('Max', ['x', 'x', 'w'], ['y'], { name: 'three' })], { w: weight(3) }), {
        loss: 'loss',
        of: ['w'],
      }),
    /expected no weight behind 'w', input 2 of an operator without a rule for it \(node 'three', op Max\)/,
  ],
  [
    'a loss that is no scalar',
    () => differentiate(lossOf('y', [makeNode('Mul', ['x', 'w'], ['y'])], { w: weight(3) }), { loss: 'y', of: ['w'] }),
    /loss 'y': expected a scalar/,
  ],
  [
    'a name that is not there',
    () =>
      differentiate(lossOf('y', [makeNode('Mul', ['x', 'w'], ['y'])], { w: weight(3) }), { loss: 'loss', of: ['v'] }),
    /expected a value 'v' in the graph, found none/,
  ],
  [
    'an exponent that is data',
    () =>
      differentiate(lossOf('y', [makeNode('Pow', ['w', 'x'], ['y'])], { w: weight(3) }), { loss: 'loss', of: ['w'] }),
    /expected a constant exponent, found 'x'/,
  ],
])('refused: %s', (_, run, message) => {
  expect(run).toThrow(ModelError);
  expect(run).toThrow(message);
});
