// Dynamic 8-bit quantization: every form a weight comes in, against onnxruntime on the float graph, optimised and not.
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { printGraph } from '../../../src/ir/print.ts';
import { memoryTensor } from '../../../src/ir/tensor.ts';
import { dynamic8Bit } from '../../../src/passes/quantize/dynamic-8bit.ts';
import { buildBert, tinyShape } from '../../support/bert.ts';
import { floatValue, intValue, modelOf, quietContext, wave } from '../../support/graphs.ts';
import { cosine, runModel } from '../../support/run-model.ts';

const quantize = (model: Model, options: Record<string, unknown> = {}) =>
  dynamic8Bit.run(model, dynamic8Bit.options.parse(options), quietContext);
const weight = (rows: number, columns: number, scale = 1) =>
  memoryTensor('float32', [rows, columns], wave(rows * columns, scale));

/** Largest difference relative to the largest output. */
async function distance(model: Model, quantized: Model, optimize: boolean): Promise<number> {
  const [a, b] = [
    await runModel(model, { optimize, dims: [4, 8] }),
    await runModel(quantized, { optimize, dims: [4, 8] }),
  ];
  const [x, y] = [a['y']!, b['y']!];
  const largest = Math.max(...x.map(Math.abs));
  return Math.max(...x.map((value, i) => Math.abs(value - y[i]!))) / largest;
}

const io = { inputs: [floatValue('x', 'n', 8)], outputs: [floatValue('y', 'n', 6)] };
const forms: Readonly<Record<string, Model>> = {
  MatMul: modelOf({ ...io, nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: weight(8, 6) } }),
  'MatMul behind Identity and Transpose': modelOf({
    ...io,
    nodes: [
      makeNode('Identity', ['w'], ['i']),
      makeNode('Transpose', ['i'], ['t'], { attrs: { perm: [1n, 0n] } }),
      makeNode('MatMul', ['x', 't'], ['y']),
    ],
    initializers: { w: weight(6, 8) },
  }),
  'MatMul of a Constant node': modelOf({
    ...io,
    nodes: [makeNode('Constant', [], ['w'], { attrs: { value: weight(8, 6) } }), makeNode('MatMul', ['x', 'w'], ['y'])],
  }),
  'Gemm with transB': modelOf({
    ...io,
    nodes: [makeNode('Gemm', ['x', 'w', 'b'], ['y'], { attrs: { transB: 1n } })],
    initializers: { w: weight(6, 8), b: memoryTensor('float32', [6], wave(6)) },
  }),
  'Gemm with alpha and beta': modelOf({
    ...io,
    nodes: [makeNode('Gemm', ['x', 'w', 'b'], ['y'], { attrs: { alpha: 0.5, beta: 2 } })],
    initializers: { w: weight(8, 6), b: memoryTensor('float32', [6], wave(6)) },
  }),
  'FusedMatMul with alpha and transB': modelOf({
    ...io,
    nodes: [
      makeNode('FusedMatMul', ['x', 'w'], ['y'], { domain: 'com.microsoft', attrs: { alpha: 0.25, transB: 1n } }),
    ],
    initializers: { w: weight(6, 8) },
    domains: ['com.microsoft'],
  }),
};

describe.each(Object.entries(forms))('%s', (_name, model) => {
  it.each([true, false])('is quantized and close to the float product (optimised: %s)', async (optimize) => {
    const result = quantize(model);
    expect(result.changed).toBe(true);
    expect(result.stats['products']).toBe(1);
    expect(result.model.graph.nodes.some((node) => node.op === 'MatMulInteger')).toBe(true);
    expect(await distance(model, result.model, optimize)).toBeLessThan(0.02);
  });

  it.each([
    { to: 'uint8' },
    { granularity: 'per-tensor' },
    { symmetric: false },
    { to: 'uint8', symmetric: true },
    { reduceRange: true },
  ])('holds with %o', async (options) => {
    expect(await distance(model, quantize(model, options).model, true)).toBeLessThan(0.04);
  });
});

describe('shared weights', () => {
  const twice = modelOf({
    inputs: [floatValue('x', 'n', 8)],
    outputs: [floatValue('y', 'n', 8)],
    nodes: [makeNode('MatMul', ['x', 'w'], ['h']), makeNode('Gemm', ['h', 'w'], ['y'], { attrs: { alpha: 0.5 } })],
    initializers: { w: weight(8, 8, 0.3) },
  });

  it('are quantized once and stay shared, though one reader scales them', async () => {
    const result = quantize(twice);
    expect(result.stats).toMatchObject({ products: 2, weights: 1 });
    expect([...result.model.graph.initializers.keys()].filter((name) => name.endsWith('_quantized'))).toEqual([
      'w_quantized',
    ]);
    expect(await distance(twice, result.model, true)).toBeLessThan(0.03);
  });

  it('with one activation quantize that activation once', () => {
    const both = modelOf({
      inputs: [floatValue('x', 'n', 8)],
      outputs: [floatValue('y', 'n', 6), floatValue('z', 'n', 6)],
      nodes: [makeNode('MatMul', ['x', 'w'], ['y']), makeNode('MatMul', ['x', 'v'], ['z'])],
      initializers: { w: weight(8, 6), v: weight(8, 6, 2) },
    });
    expect(quantize(both).model.graph.nodes.filter((node) => node.op === 'DynamicQuantizeLinear')).toHaveLength(1);
  });
});

describe('embedding tables', () => {
  const lookUp = modelOf({
    inputs: [intValue('ids', 'n', 's')],
    outputs: [floatValue('y', 'n', 's', 16)],
    nodes: [makeNode('Gather', ['table', 'ids'], ['y'])],
    initializers: {
      table: memoryTensor(
        'float32',
        [64, 16],
        wave(1024).map((value, i) => value * (i < 16 ? 100 : 1)),
      ),
    },
  });

  it('keep a scale a row, so that one large row does not coarsen the others', async () => {
    const result = quantize(lookUp);
    const [a, b] = [(await runModel(lookUp))['y']!, (await runModel(result.model))['y']!];
    for (let row = 0; row < a.length; row += 16) {
      const [x, y] = [a.subarray(row, row + 16), b.subarray(row, row + 16)];
      const step = Math.max(...x.map(Math.abs)) / 127;
      expect(Math.max(...x.map((value, i) => Math.abs(value - y[i]!)))).toBeLessThanOrEqual(step * 0.501);
    }
  });

  it('stay float where the user says so', () => {
    expect(quantize(lookUp, { embeddings: 'fp32' }).changed).toBe(false);
  });

  it('stay float where they are too small to be worth it, with the reason', () => {
    const model = buildBert({ ...tinyShape, vocabulary: 2000 });
    const skipped = quantize(model).skipped.filter((entry) => entry.op === 'Gather');
    expect(skipped.map((entry) => entry.reason)).toEqual([expect.stringContaining('not worth')]);
  });
});

describe('what is left', () => {
  it('is listed with the node and the reason', () => {
    const model = modelOf({
      inputs: [floatValue('x', 8, 8)],
      outputs: [floatValue('y', 8, 6), floatValue('z', 8, 8), floatValue('v', 8, 6)],
      nodes: [
        makeNode('Gemm', ['x', 'w'], ['y'], { name: 'turned', attrs: { transA: 1n } }),
        makeNode('MatMul', ['left', 'x'], ['z'], { name: 'left factor' }),
        makeNode('MatMul', ['x', 'w'], ['v'], { name: '/head/out' }),
      ],
      initializers: { w: weight(8, 6), left: weight(8, 8) },
    });
    expect(quantize(model, { exclude: ['/head/*'] }).skipped).toEqual([
      { node: 'turned', op: 'Gemm', reason: 'Gemm transposes its data (transA = 1)' },
      { node: 'left factor', op: 'MatMul', reason: expect.stringContaining('left factor') },
      { node: '/head/out', op: 'MatMul', reason: 'excluded by --exclude' },
    ]);
  });

  it('does not count products of two activations', () => {
    const model = modelOf({
      inputs: [floatValue('x', 8, 8)],
      outputs: [floatValue('y', 8, 8)],
      nodes: [makeNode('MatMul', ['x', 'x'], ['y'])],
    });
    expect(quantize(model)).toMatchObject({ changed: false, skipped: [] });
  });
});

describe('refusals', () => {
  it('of a model that was quantized already name who did it', () => {
    const once = quantize(forms['MatMul']!).model;
    expect(() => quantize(once)).toThrow(
      /found 2 quantized operators: it was quantized already, by bert-compress \(quantize int8\)/,
    );
  });

  it('of opsets without DynamicQuantizeLinear', () => {
    expect(() => quantize({ ...forms['MatMul']!, opsets: new Map([['', 10]]) })).toThrow(
      /expected opset 11 or later.*found 10/,
    );
  });

  it('of weights that are not finite name the weight', () => {
    const bad = wave(48);
    bad[5] = NaN;
    const model = modelOf({
      ...io,
      nodes: [makeNode('MatMul', ['x', 'w'], ['y'])],
      initializers: { w: memoryTensor('float32', [8, 6], bad) },
    });
    expect(() => quantize(model)).toThrow("expected finite weights in 'w', found NaN or infinity in 1 of its columns");
  });
});

describe('a whole BERT', () => {
  it('stays close to the float model, and its input model is untouched', async () => {
    const model = buildBert();
    const before = printGraph(model.graph);
    const result = quantize(model);
    expect(printGraph(model.graph)).toBe(before);
    expect(result.stats).toEqual({ products: 14, weights: 14, tables: 2, reshapes: 0 });
    const [a, b] = [await runModel(model), await runModel(result.model)];
    expect(cosine(a['logits']!, b['logits']!)).toBeGreaterThan(0.995);
  });

  it('gives the same graph and the same bytes every time', () => {
    const [a, b] = [quantize(buildBert()), quantize(buildBert())];
    expect(printGraph(a.model.graph)).toBe(printGraph(b.model.graph));
    for (const [name, tensor] of a.model.graph.initializers)
      expect(tensor.bytes()).toEqual(b.model.graph.initializers.get(name)!.bytes());
  });

  it('has the shape that onnxruntime fuses', () => {
    const one = modelOf({
      ...io,
      nodes: [makeNode('MatMul', ['x', 'w'], ['y'], { name: 'dense' })],
      initializers: { w: weight(8, 6) },
    });
    expect(printGraph(quantize(one).model.graph)).toMatchInlineSnapshot(`
      "graph test(x: float32[n,8]) -> (y: float32[n,6])
        w_quantized: int8[8,6]
        w_scale: float32[6]
        w_zero_point: int8[6]
        x_quantized, x_scale, x_zero_point = DynamicQuantizeLinear(x)
        y_output_quantized = MatMulInteger(x_quantized, w_quantized, x_zero_point, w_zero_point)
        y_output_quantized_cast_output = Cast(y_output_quantized) {to=1}
        dense_quant_scales_mul:0 = Mul(x_scale, w_scale)
        y = Mul(y_output_quantized_cast_output, dense_quant_scales_mul:0)
      "
    `);
  });
});

describe('a decoder tied to the token table', () => {
  const tied = (): Model =>
    modelOf({
      inputs: [intValue('ids', 'n', 's')],
      outputs: [floatValue('y', 'n', 's', 40)],
      nodes: [
        makeNode('Gather', ['table', 'ids'], ['rows']),
        makeNode('Tanh', ['rows'], ['x']),
        makeNode('Transpose', ['table'], ['t'], { attrs: { perm: [1n, 0n] } }),
        makeNode('MatMul', ['x', 't'], ['y']),
      ],
      initializers: { table: weight(40, 16) },
    });

  it('reads its integers: they are stored once', async () => {
    const { graph } = quantize(tied()).model;
    const large = [...graph.initializers].filter(([, tensor]) => tensor.shape[1]! > 1);
    expect(large.map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape.join('x')}`)).toEqual([
      'table_quantized int8 40x16',
    ]);
    for (const optimize of [true, false]) {
      const [a, b] = [
        await runModel(tied(), { optimize, vocabulary: 40 }),
        await runModel(quantize(tied()).model, { optimize, vocabulary: 40 }),
      ];
      expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.999);
    }
  });

  it.each<Record<string, unknown>>([
    { to: 'uint8' },
    { reduceRange: true },
    { granularity: 'per-tensor' },
    { embeddings: 'fp32' },
  ])('has its own where they differ: %j', async (options) => {
    const { graph } = quantize(tied(), options).model;
    expect([...graph.initializers.values()].filter(({ shape }) => shape.join('x') === '16x40')).toHaveLength(1);
    const [a, b] = [
      await runModel(tied(), { vocabulary: 40 }),
      await runModel(quantize(tied(), options).model, { vocabulary: 40 }),
    ];
    expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.999);
  });
});

it('--exclude refuses a pattern that matches nothing', () => {
  expect(() => quantize(forms['MatMul']!, { exclude: ['W'] })).toThrow(UsageError);
  expect(() => quantize(forms['MatMul']!, { exclude: ['w'] }).changed).not.toThrow();
});

describe('odd files', () => {
  it('nodes in any order give the same result', async () => {
    const model = buildBert();
    const mixed = { ...model, graph: { ...model.graph, nodes: model.graph.nodes.toReversed() } };
    const [a, b] = [await runModel(quantize(model).model), await runModel(quantize(mixed).model)];
    expect(cosine(a['logits']!, b['logits']!)).toBeGreaterThan(0.999999);
  });

  it.each([
    [8, ['x', 'b'], 8],
    [3, ['x'], 4],
  ])('a weight that is an input as well (IR version %i) is one no more', async (irVersion, inputs, version) => {
    const model = {
      ...modelOf({
        inputs: [floatValue('x', 'n', 8), floatValue('w', 8, 6), floatValue('b', 6)],
        outputs: [floatValue('y', 'n', 6)],
        nodes: [makeNode('MatMul', ['x', 'w'], ['h']), makeNode('Add', ['h', 'b'], ['y'])],
        initializers: { w: weight(8, 6), b: memoryTensor('float32', [6], wave(6)) },
      }),
      irVersion,
    };
    const result = quantize(model);
    expect(result.model.graph.inputs.map((input) => input.name)).toEqual(inputs);
    expect(result.model.irVersion).toBe(version);
    expect(result.stats['weightInputs']).toBe(3 - inputs.length);
    expect(await distance(model, result.model, true)).toBeLessThan(0.02);
  });
});
