// float16: what becomes half, what stays and why, casts on the borders, masks, subgraphs; run on onnxruntime.
import { describe, expect, it } from 'vitest';
import type { Graph, Model } from '../../../src/ir/graph.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { printGraph } from '../../../src/ir/print.ts';
import { floats, int64s, memoryTensor } from '../../../src/ir/tensor.ts';
import { fp16 } from '../../../src/passes/quantize/fp16.ts';
import { buildBert } from '../../support/bert.ts';
import { floatValue, intValue, modelOf, quietContext, wave } from '../../support/graphs.ts';
import { cosine, runModel } from '../../support/run-model.ts';

const convert = (model: Model, options: Record<string, unknown> = {}) =>
  fp16.run(model, fp16.options.parse(options), quietContext);
const weight = (rows: number, columns: number) => memoryTensor('float32', [rows, columns], wave(rows * columns));

describe('a whole BERT', () => {
  it.each([true, false])('runs on onnxruntime and is close to the float model (optimised: %s)', async (optimize) => {
    const model = buildBert();
    const result = convert(model);
    const [a, b] = [await runModel(model, { optimize }), await runModel(result.model, { optimize })];
    expect(cosine(a['logits']!, b['logits']!)).toBeGreaterThan(0.99999);
  });

  it('keeps float32 outputs, and halves every weight', () => {
    const { graph } = convert(buildBert()).model;
    expect(graph.outputs[0]!.dtype).toBe('float32');
    const large = [...graph.initializers.values()].filter(
      (tensor) => tensor.shape.length > 1 && tensor.dtype === 'float32',
    );
    expect(large).toEqual([]);
  });

  it('gives the same graph and the same bytes every time', () => {
    const [a, b] = [convert(buildBert()), convert(buildBert())];
    expect(printGraph(a.model.graph)).toBe(printGraph(b.model.graph));
    for (const [name, tensor] of a.model.graph.initializers)
      expect(tensor.bytes()).toEqual(b.model.graph.initializers.get(name)!.bytes());
  });

  it('refuses a model that is float16 already', () => {
    expect(() => convert(convert(buildBert()).model)).toThrow(
      /float16 weights: it was converted already, by bert-compress \(quantize fp16\)/,
    );
  });
});

describe('inputs and outputs', () => {
  const model = modelOf({
    inputs: [floatValue('x', 'n', 8)],
    outputs: [floatValue('y', 'n', 6)],
    nodes: [makeNode('MatMul', ['x', 'w'], ['y'])],
    initializers: { w: weight(8, 6) },
  });

  it('stay float32 behind casts with the names the field uses', () => {
    expect(printGraph(convert(model).model.graph)).toMatchInlineSnapshot(`
      "graph test(x: float32[n,8]) -> (y: float32[n,6])
        w: float16[8,6]
        graph_input_cast0 = Cast(x) {to=10}
        graph_output_cast0 = MatMul(graph_input_cast0, w)
        y = Cast(graph_output_cast0) {to=1}
      "
    `);
  });

  it('become float16 on request', async () => {
    const { graph } = convert(model, { keepIoTypes: false }).model;
    expect([graph.inputs[0]!.dtype, graph.outputs[0]!.dtype]).toEqual(['float16', 'float16']);
    expect(graph.nodes.map((node) => node.op)).toEqual(['MatMul']);
  });

  it('are right where an output is read inside the graph as well', async () => {
    const both = modelOf({
      inputs: [floatValue('x', 'n', 8)],
      outputs: [floatValue('h', 'n', 8), floatValue('y', 'n', 6)],
      nodes: [makeNode('Tanh', ['x'], ['h']), makeNode('MatMul', ['h', 'w'], ['y'])],
      initializers: { w: weight(8, 6) },
    });
    const [a, b] = [await runModel(both, { dims: [3, 8] }), await runModel(convert(both).model, { dims: [3, 8] })];
    expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.99999);
    expect(cosine(a['h']!, b['h']!)).toBeGreaterThan(0.99999);
  });
});

describe('weights that are inputs as well', () => {
  const model = (irVersion: number): Model => ({
    ...modelOf({
      inputs: [floatValue('x', 'n', 8), floatValue('w', 8, 6), floatValue('p', 6)],
      outputs: [floatValue('y', 'n', 6)],
      nodes: [makeNode('MatMul', ['x', 'w'], ['h']), makeNode('Pow', ['h', 'p'], ['y'])],
      initializers: { w: weight(8, 6), p: floats([6], [1, 2, 1, 2, 1, 2]) },
    }),
    irVersion,
  });

  it('are converted and no inputs any more; those that stay float32 can still be overridden', async () => {
    const result = convert(model(8));
    expect(result.model.graph.inputs.map((input) => input.name)).toEqual(['x', 'p']);
    expect(result.model.graph.initializers.get('w')!.dtype).toBe('float16');
    expect(result.stats).toMatchObject({ weightInputs: 1 });
    const [a, b] = [await runModel(model(8), { dims: [3, 8] }), await runModel(result.model, { dims: [3, 8] })];
    expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.9999);
  });

  it('of IR version 3 are constants: the file becomes one of version 4 without them', () => {
    const result = convert(model(3)).model;
    expect(result.irVersion).toBe(4);
    expect(result.graph.inputs.map((input) => input.name)).toEqual(['x']);
  });

  it('keep their type where inputs become float16', () => {
    const { graph } = convert(model(8), { keepIoTypes: false }).model;
    expect(graph.inputs.map(({ name, dtype }) => `${name} ${dtype}`)).toEqual(['x float16', 'p float32']);
  });
});

describe('odd graphs', () => {
  const casts = modelOf({
    inputs: [floatValue('x', 'n', 8)],
    outputs: [floatValue('y', 'n', 6)],
    nodes: [
      makeNode('Cast', ['x'], ['same'], { attrs: { to: 1n } }),
      makeNode('Tanh', ['same'], ['t']),
      makeNode('Cast', ['t'], ['low'], { attrs: { to: 10n } }),
      makeNode('Cast', ['low'], ['high'], { attrs: { to: 1n } }),
      makeNode('MatMul', ['high', 'w'], ['y']),
    ],
    initializers: { w: weight(8, 6) },
  });

  it.each([true, false])(
    'casts that have become nothing load with and without the optimizer (%s)',
    async (optimize) => {
      const { model } = convert(casts);
      const between = model.graph.nodes.slice(1, -1).map((node) => node.op);
      expect(between).toEqual(['Identity', 'Tanh', 'Identity', 'Identity', 'MatMul']);
      const [a, b] = [await runModel(casts, { dims: [3, 8] }), await runModel(model, { dims: [3, 8], optimize })];
      expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.9999);
    },
  );

  it('a call of a function, whose result has no type in the file: float32, as is what reads it', () => {
    const model = modelOf({
      inputs: [floatValue('x', 'n', 8)],
      outputs: [floatValue('y', 'n', 6)],
      nodes: [
        makeNode('Tanh', ['x'], ['h']),
        makeNode('Same', ['h'], ['s'], { domain: 'local' }),
        makeNode('Mul', ['s', 'h'], ['m']),
        makeNode('MatMul', ['m', 'w'], ['y']),
      ],
      initializers: { w: weight(8, 6) },
      domains: ['local'],
    });
    const result = convert(model);
    expect(result.skipped.map(({ op, reason }) => `${op}: ${reason}`)).toEqual([
      'local::Same: an operator of local whose float16 form is not known',
      "Mul: the type of its input 's' is not known",
    ]);
    expect(result.model.graph.nodes.map((node) => node.op)).toEqual(
      'Cast Tanh Cast Same Mul Cast MatMul Cast'.split(' '),
    );
  });

  it('nodes in any order', async () => {
    const model = buildBert();
    const mixed = { ...model, graph: { ...model.graph, nodes: model.graph.nodes.toReversed() } };
    expect(printGraph(convert(mixed).model.graph).length).toBe(printGraph(convert(model).model.graph).length);
    const [a, b] = [await runModel(model), await runModel(convert(mixed).model)];
    expect(cosine(a['logits']!, b['logits']!)).toBeGreaterThan(0.99999);
  });
});

describe('what needs float32', () => {
  it('an epsilon that would be flushed to zero keeps its node, so that a constant row gives no NaN', async () => {
    const norm = modelOf({
      inputs: [floatValue('x', 'n', 8)],
      outputs: [floatValue('y', 'n', 8)],
      nodes: [
        makeNode('Mul', ['x', 'zeros'], ['flat']),
        makeNode('ReduceMean', ['flat'], ['mean'], { attrs: { axes: [-1n] } }),
        makeNode('Sub', ['flat', 'mean'], ['centred']),
        makeNode('Pow', ['centred', 'two'], ['square']),
        makeNode('ReduceMean', ['square'], ['variance'], { attrs: { axes: [-1n] } }),
        makeNode('Add', ['variance', 'eps'], ['safe']),
        makeNode('Sqrt', ['safe'], ['deviation']),
        makeNode('Div', ['centred', 'deviation'], ['y']),
      ],
      initializers: {
        zeros: floats(
          [8],
          Array.from({ length: 8 }, () => 0),
        ),
        two: floats([], [2]),
        eps: floats([], [1e-12]),
      },
      opset: 14,
    });
    const result = convert(norm);
    expect(result.skipped.map((entry) => entry.op)).toEqual(['ReduceMean', 'Pow', 'ReduceMean', 'Add', 'Sqrt']);
    expect([...(await runModel(result.model, { dims: [2, 8] }))['y']!].every((value) => value === 0)).toBe(true);
  });

  it('arithmetic on positions stays exact beyond 2,048', async () => {
    const positions = modelOf({
      inputs: [intValue('ids', 'n', 's')],
      outputs: [floatValue('y', 'n', 's', 4)],
      nodes: [
        makeNode('Add', ['ids', 'far'], ['moved']),
        makeNode('Cast', ['moved'], ['float'], { attrs: { to: 1n } }),
        makeNode('Unsqueeze', ['float', 'last'], ['wide']),
        makeNode('Mul', ['wide', 'frequencies'], ['angles']),
        makeNode('Cos', ['angles'], ['cos']),
        makeNode('MatMul', ['cos', 'w'], ['y']),
      ],
      initializers: {
        far: int64s([], [4000]),
        last: int64s([1], [2]),
        frequencies: floats([4], [1, 0.1, 0.01, 0.001]),
        w: weight(4, 4),
      },
    });
    const [a, b] = [await runModel(positions), await runModel(convert(positions).model)];
    expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.99999);
  });

  it("a mask's finfo.min is clipped, so that a row of it is no NaN after Softmax", async () => {
    const masked = modelOf({
      inputs: [intValue('attention_mask', 'n', 7), floatValue('x', 'n', 7)],
      outputs: [floatValue('y', 'n', 7)],
      nodes: [
        makeNode('Cast', ['attention_mask'], ['kept'], { attrs: { to: 1n } }),
        makeNode('Mul', ['kept', 'zero'], ['none']),
        makeNode('Sub', ['one', 'none'], ['inverse']),
        makeNode('Mul', ['inverse', 'min'], ['mask']),
        makeNode('MatMul', ['x', 'w'], ['scores']),
        makeNode('Add', ['scores', 'mask'], ['sum']),
        makeNode('Softmax', ['sum'], ['y'], { attrs: { axis: -1n } }),
      ],
      initializers: {
        zero: floats([], [0]),
        one: floats([], [1]),
        min: floats([], [-3.4028234663852886e38]),
        w: weight(7, 7),
      },
    });
    const result = convert(masked);
    expect(result.model.graph.nodes.filter((node) => node.op === 'Clip')).toHaveLength(1);
    const y = (await runModel(result.model))['y']!;
    expect([...y].every((value) => Number.isFinite(value))).toBe(true);
    expect(y.slice(0, 7).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 2);
  });

  it('is what --exclude names', () => {
    const skipped = convert(buildBert(), { exclude: ['/layer.0.*'] }).skipped;
    expect(skipped.length).toBeGreaterThan(10);
    expect(
      skipped.every((entry) => entry.node.startsWith('/layer.0.') && entry.reason === 'excluded by --exclude'),
    ).toBe(true);
  });
});

describe('--exclude', () => {
  it('names weights as well, through what carries them', () => {
    const model = modelOf({
      inputs: [floatValue('x', 'n', 8)],
      outputs: [floatValue('y', 'n', 6)],
      nodes: [
        makeNode('Transpose', ['kept.weight'], ['t'], { attrs: { perm: [1n, 0n] } }),
        makeNode('MatMul', ['x', 't'], ['h'], { name: 'first' }),
        makeNode('MatMul', ['h', 'w'], ['y'], { name: 'second' }),
      ],
      initializers: { 'kept.weight': weight(7, 8), w: weight(7, 6) },
    });
    const { graph } = convert(model, { exclude: ['kept.*'] }).model;
    expect(graph.initializers.get('kept.weight')!.dtype).toBe('float32');
    expect(graph.initializers.get('w')!.dtype).toBe('float16');
    expect(graph.nodes.map((node) => node.op)).toEqual(['Transpose', 'MatMul', 'Cast', 'MatMul', 'Cast']);
  });

  it('refuses a pattern that matches nothing', () => {
    expect(() => convert(buildBert(), { exclude: ['*', 'bert.embedings*'] })).toThrow(
      "--exclude: expected the name of a node or weight, with *, found none that 'bert.embedings*' matches",
    );
  });
});

describe('values', () => {
  it('beyond 65504 and below 2^-25 are counted when they are written', () => {
    const model = modelOf({
      inputs: [floatValue('x', 'n', 4)],
      outputs: [floatValue('y', 'n', 1)],
      nodes: [makeNode('MatMul', ['x', 'w'], ['y'])],
      initializers: { w: floats([4, 1], [1e6, 1e-9, 0.1, -7e4]) },
    });
    const result = convert(model);
    const bytes = result.model.graph.initializers.get('w')!.bytes();
    expect([...new Uint16Array(bytes.buffer, bytes.byteOffset, 4)]).toEqual([0x7bff, 0, 0x2e66, 0xfbff]);
    result.model.graph.initializers.get('w')!.bytes();
    expect(result.stats).toMatchObject({ overflow: 2, underflow: 1, nonFinite: 0 });
  });

  it('of a small constant with readers of both kinds exist in both types', async () => {
    const model = modelOf({
      inputs: [floatValue('x', 'n', 4)],
      outputs: [floatValue('y', 'n', 4), floatValue('z', 'n', 4)],
      nodes: [makeNode('Mul', ['x', 's'], ['y']), makeNode('Pow', ['x', 's'], ['z'])],
      initializers: { s: floats([4], [1, 2, 3, 1]) },
    });
    const result = convert(model);
    expect([...result.model.graph.initializers].map(([name, tensor]) => `${name} ${tensor.dtype}`)).toEqual([
      's float32',
      's_fp16 float16',
    ]);
    const [a, b] = [await runModel(model, { dims: [2, 4] }), await runModel(result.model, { dims: [2, 4] })];
    expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.99999);
  });
});

describe('subgraphs', () => {
  it('compute in float32 on casts of what they capture', async () => {
    const branch = (name: string, op: string): Graph => ({
      name,
      inputs: [],
      outputs: [floatValue(`${name}_out`, 'n', 8)],
      values: [],
      nodes: [makeNode(op, ['h', 'h'], [`${name}_out`])],
      initializers: new Map(),
      sparse: new Map(),
    });
    const node = makeNode('If', ['flag'], ['chosen']);
    const choice = {
      ...node,
      attrs: new Map([
        ['then_branch', { type: 'graph' as const, value: branch('then', 'Add') }],
        ['else_branch', { type: 'graph' as const, value: branch('else', 'Mul') }],
      ]),
    };
    const model = modelOf({
      inputs: [floatValue('x', 'n', 8)],
      outputs: [floatValue('y', 'n', 6)],
      nodes: [makeNode('Tanh', ['x'], ['h']), choice, makeNode('MatMul', ['chosen', 'w'], ['y'])],
      initializers: { flag: memoryTensor('bool', [], Uint8Array.of(1)), w: weight(8, 6) },
    });
    const result = convert(model);
    expect(result.skipped).toEqual([{ node: 'chosen_If', op: 'If', reason: 'its subgraphs compute in float32' }]);
    const [a, b] = [await runModel(model, { dims: [3, 8] }), await runModel(result.model, { dims: [3, 8] })];
    expect(cosine(a['y']!, b['y']!)).toBeGreaterThan(0.9999);
  });
});
