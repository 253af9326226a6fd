// Recognition on models built in code: every fact of a plain BERT, and what single changes to it change.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recognise } from '../../src/bert/recognise.ts';
import { architectureOf, inputsOf } from '../../src/bert/summary.ts';
import type { Model, Node } from '../../src/ir/graph.ts';
import { makeNode, type AttrValue } from '../../src/ir/node.ts';
import { floats, int64s, memoryTensor } from '../../src/ir/tensor.ts';
import { bareGraph, withGraphs } from '../support/bare-graph.ts';
import { tinyBert, tinyShape } from '../support/bert.ts';
import { replaceNodes, withWeights } from './edit.ts';

const make = (op: string, inputs: string[], output: string, attrs: Record<string, AttrValue> = {}, domain = ''): Node =>
  makeNode(op, inputs, [output], { attrs, domain });

/** Replace the GELU of every layer by the nodes that `build` makes from x and the output's name. */
function withActivation(build: (x: string, out: string) => readonly Node[], weights = {}): Model {
  return replaceNodes(withWeights(tinyBert(), weights), (node) => {
    const part = /^(layer\.\d+\.gelu)\.(.*)$/.exec(node.outputs[0] ?? '');
    if (!part) return undefined;
    const x = `${part[1]!.replace('.gelu', '')}.intermediate.out`;
    return part[2] === 'out' ? build(x, node.outputs[0]!) : [];
  });
}

describe('a plain BERT', () => {
  const found = recognise(tinyBert());

  test('sizes', () => {
    const { layers, hidden, heads, ffn, vocabulary, positions } = tinyShape;
    expect(architectureOf(found)).toEqual({
      family: 'encoder',
      layers,
      hidden,
      heads: [heads, heads],
      headSize: [8, 8],
      ffn: [ffn, ffn],
      activation: 'gelu',
      vocabulary,
      positions,
      segments: 2,
      positionKind: ['absolute'],
      normOrder: 'post',
    });
    expect(found.unrecognised).toEqual([]);
  });

  test('inputs, task, pooler, classifier', () => {
    expect(inputsOf(found)).toEqual({
      ids: 'input_ids',
      mask: 'attention_mask',
      segments: 'token_type_ids',
      others: [],
    });
    expect(found.task).toBe('text-classification');
    expect(found.head.pooler?.weight.name).toBe('pooler.weight');
    expect(found.head.classifiers.map((dense) => dense.weight.name)).toEqual(['classifier.weight']);
    expect(found.head.outputs).toMatchObject([{ name: 'logits', kind: 'logits', pooling: 'first', size: 3 }]);
  });

  test('dense layers with their biases, and the scale', () => {
    const { attention, ffn, norms } = found.encoders[0]!.layers[1]!;
    expect(attention).toMatchObject({
      query: { weight: { name: 'layer.1.query.weight' }, bias: { weight: { name: 'layer.1.query.bias' } } },
      key: { weight: { name: 'layer.1.key.weight' } },
      value: { weight: { name: 'layer.1.value.weight' } },
      output: { weight: { name: 'layer.1.attention.output.weight' }, output: 'layer.1.attention.output.out' },
      packed: false,
      mask: { kind: 'padding', form: 'add', inputs: ['attention_mask'] },
    });
    expect(attention.scale).toBeCloseTo(8 ** -0.5, 5);
    expect(ffn[0]).toMatchObject({ width: 32, gated: false, out: { weight: { name: 'layer.1.output.weight' } } });
    expect(norms.map((norm) => [norm.place, norm.gamma?.name])).toEqual([
      ['attention', 'layer.1.attention.LayerNorm.weight'],
      ['ffn', 'layer.1.LayerNorm.weight'],
    ]);
    // 4 projections and 2 of the FFN a layer, pooler, classifier
    expect(found.denses).toHaveLength(2 * 6 + 2);
  });
});

describe('activations', () => {
  const cube = { three: floats([], [3]), c1: floats([], [0.044715]), c2: floats([], [Math.sqrt(2 / Math.PI)]) };
  test.each<[string, Model]>([
    ['relu', withActivation((x, out) => [make('Relu', [x], out)])],
    ['relu2', withActivation((x, out) => [make('Relu', [x], `${out}.r`), make('Mul', [`${out}.r`, `${out}.r`], out)])],
    ['silu', withActivation((x, out) => [make('Sigmoid', [x], `${out}.s`), make('Mul', [x, `${out}.s`], out)])],
    [
      'quick_gelu',
      withActivation(
        (x, out) => [
          make('Mul', [x, 'steep'], `${out}.x`),
          make('Sigmoid', [`${out}.x`], `${out}.s`),
          make('Mul', [x, `${out}.s`], out),
        ],
        { steep: floats([], [1.702]) },
      ),
    ],
    ['tanh', withActivation((x, out) => [make('Tanh', [x], out)])],
    ['gelu', withActivation((x, out) => [make('Gelu', [x], out)])],
    ['gelu_tanh', withActivation((x, out) => [make('Gelu', [x], out, { approximate: 'tanh' })])],
    ['gelu_tanh', withActivation((x, out) => [make('FastGelu', [x], out, {}, 'com.microsoft')])],
    [
      'gelu_tanh',
      withActivation(
        (x, out) => [
          make('Pow', [x, 'three'], `${out}.p`),
          make('Mul', [`${out}.p`, 'c1'], `${out}.c`),
          make('Add', [x, `${out}.c`], `${out}.a`),
          make('Mul', [`${out}.a`, 'c2'], `${out}.b`),
          make('Tanh', [`${out}.b`], `${out}.t`),
          make('Add', [`${out}.t`, 'one'], `${out}.t1`),
          make('Mul', [x, `${out}.t1`], `${out}.d`),
          make('Mul', [`${out}.d`, 'half'], out),
        ],
        cube,
      ),
    ],
    ['mish', withActivation((x, out) => [make('Mish', [x], out)])],
    ['relu', withActivation((x, out) => [make('Max', [x, 'nought'], out)], { nought: floats([], [0]) })],
  ])('%s (%#)', (activation, model) => {
    expect(architectureOf(recognise(model)).activation).toBe(activation);
  });

  test('an operator nobody knows costs the activation and nothing else', () => {
    const found = recognise(withActivation((x, out) => [make('Whoosh', [x], out, {}, 'acme.ops')]));
    expect(architectureOf(found)).toMatchObject({ layers: 2, ffn: [32, 32], activation: 'unknown', heads: [2, 2] });
    expect(found.unrecognised.map((miss) => miss.part)).toEqual(['activation of layer 0', 'activation of layer 1']);
    expect(found.unrecognised[0]?.reason).toContain('acme.ops::Whoosh');
  });
});

describe('masks', () => {
  /** A model whose additive mask is the causal one, made with Trilu or with comparisons of positions. */
  function causal(nodes: readonly Node[], weights = {}): Model {
    const model = withWeights(tinyBert(), weights);
    const at = model.graph.nodes.findIndex((node) => node.outputs[0] === 'embedded');
    model.graph.nodes.splice(at, 0, ...nodes);
    return replaceNodes(model, (node) =>
      node.outputs[0]?.endsWith('.masked')
        ? [
            make('Add', [node.inputs[0]!, 'mask'], `${node.outputs[0]}.p`),
            make('Add', [`${node.outputs[0]}.p`, 'causal'], node.outputs[0]!),
          ]
        : undefined,
    );
  }

  test('a triangle makes a decoder', () => {
    const model = causal(
      [
        make('Unsqueeze', ['length', 'nil'], 'length.1'),
        make('Concat', ['length.1', 'length.1'], 'square', { axis: 0n }),
        make('ConstantOfShape', ['square'], 'full', { value: floats([1], [-1e9]) }),
        make('Trilu', ['full', 'first'], 'causal', { upper: 1n }),
      ],
      { nil: int64s([1], [0]) },
    );
    const found = recognise(model);
    expect(found.family).toBe('decoder');
    expect(found.encoders[0]!.layers[0]!.attention.mask).toMatchObject({ kind: 'causal', inputs: ['attention_mask'] });
  });

  test('so does a comparison of positions', () => {
    const model = causal(
      [
        make('Unsqueeze', ['position_ids', 'row'], 'rows'),
        make('Less', ['rows', 'position_ids'], 'later'),
        make('Where', ['later', 'masked', 'none'], 'causal'),
      ],
      { row: int64s([1], [1]), none: floats([], [0]) },
    );
    expect(recognise(model).family).toBe('decoder');
  });

  // 64 on each side is ModernBERT's window: the short trial run does not reach its end
  test.each([2, 64])('a band of %i on each side makes local attention', (reach) => {
    const model = causal(
      [
        make('Unsqueeze', ['position_ids', 'row'], 'rows'),
        make('Sub', ['rows', 'position_ids'], 'distance'),
        make('Abs', ['distance'], 'far'),
        make('Greater', ['far', 'reach'], 'beyond'),
        make('Where', ['beyond', 'masked', 'none'], 'causal'),
      ],
      { row: int64s([1], [1]), none: floats([], [0]), reach: int64s([], [reach]) },
    );
    const found = recognise(model);
    expect(found.family).toBe('encoder');
    expect(found.encoders[0]!.layers.map((layer) => layer.attention.mask.kind)).toEqual(['local', 'local']);
  });
});

test('a Softmax in single steps is one, and its largest score no relative position', () => {
  const model = replaceNodes(withWeights(tinyBert(), { last: int64s([1], [-1]) }), (node) => {
    if (node.op !== 'Softmax') return undefined;
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    return [
      make('ReduceMax', [x], `${y}.max`, { axes: [-1n] }),
      make('Sub', [x, `${y}.max`], `${y}.low`),
      make('Exp', [`${y}.low`], `${y}.exp`),
      make('ReduceSum', [`${y}.exp`, 'last'], `${y}.sum`),
      make('Div', [`${y}.exp`, `${y}.sum`], y),
    ];
  });
  expect(architectureOf(recognise(model))).toEqual(architectureOf(recognise(tinyBert())));
});

describe('what is not followed', () => {
  test('products in a subgraph or a function are named with the reason', () => {
    const model = tinyBert();
    const body = bareGraph([makeNode('MatMul', ['a', 'b'], ['c'])], [], ['c']);
    const choice = withGraphs('If', ['flag'], ['chosen'], body, body);
    const found = recognise({
      ...model,
      graph: {
        ...model.graph,
        nodes: [...model.graph.nodes, { ...choice, name: 'choice' }, make('Block', ['logits'], 'b', {}, 'local')],
      },
      functions: [
        { name: 'Block', domain: 'local', inputs: [], outputs: [], nodes: [makeNode('Gemm', ['x', 'w'], ['y'])] },
      ] as never,
    });
    expect(found.unrecognised).toEqual([
      { part: 'body of choice', reason: 'the 2 products inside If are not followed' },
      {
        part: 'function local::Block',
        reason: 'its 1 nodes are not followed: inline functions first (onnx.inliner)',
      },
    ]);
  });
});

describe('what dense layers are made of', () => {
  test('weights behind Identity and Transpose, shared by two layers', () => {
    const model = replaceNodes(tinyBert(), (node) => {
      if (node.outputs[0] === 'layer.0.query.product') {
        return [make('Transpose', ['turned'], 'q0', { perm: [1n, 0n] }), { ...node, inputs: [node.inputs[0]!, 'q0'] }];
      }
      if (node.outputs[0] !== 'layer.1.query.product') return undefined;
      return [
        make('Identity', ['turned'], 'same'),
        make('Transpose', ['same'], 'q1', { perm: [1n, 0n] }),
        { ...node, inputs: [node.inputs[0]!, 'q1'] },
      ];
    });
    withWeights(model, {
      turned: floats(
        [16, 16],
        Array.from({ length: 256 }, (_, i) => i),
      ),
    });
    const queries = recognise(model).encoders[0]!.layers.map((layer) => layer.attention.query!);
    expect(queries.map((dense) => dense.weight.name)).toEqual(['turned', 'turned']);
    expect(queries.map((dense) => dense.weight.readers)).toEqual([2, 2]);
    expect(queries[1]!.weight.through.map((node) => node.op)).toEqual(['Identity', 'Transpose']);
  });

  test('the dynamic INT8 pattern is told truthfully', () => {
    const model = replaceNodes(tinyBert(), (node) => {
      const [x, weight] = node.inputs;
      if (node.op !== 'MatMul' || !weight?.endsWith('.weight')) return undefined;
      const out = node.outputs[0]!;
      return [
        makeNode('DynamicQuantizeLinear', [x!], [`${out}.x`, `${out}.s`, `${out}.z`]),
        make('MatMulInteger', [`${out}.x`, `${weight}_quantized`, `${out}.z`], `${out}.i`),
        make('Cast', [`${out}.i`], `${out}.f`, { to: 1n }),
        make('Mul', [`${out}.s`, `${weight}_scale`], `${out}.k`),
        make('Mul', [`${out}.f`, `${out}.k`], out),
      ];
    });
    for (const [name, tensor] of model.graph.initializers) {
      if (!name.endsWith('.weight') || tensor.shape.length !== 2) continue;
      const count = tensor.shape[0]! * tensor.shape[1]!;
      withWeights(model, {
        [`${name}_quantized`]: memoryTensor('int8', tensor.shape, new Int8Array(count)),
        [`${name}_scale`]: floats([], [0.01]),
      });
    }
    const found = recognise(model);
    const { attention, ffn } = found.encoders[0]!.layers[0]!;
    expect(attention.query).toMatchObject({
      op: 'MatMulInteger',
      precision: 'int8',
      quantized: 'dynamic',
      bias: { weight: { name: 'layer.0.query.bias' } },
      output: 'layer.0.query.out',
    });
    expect(ffn[0]!.in[0]).toMatchObject({ input: 'layer.0.attention', quantized: 'dynamic' });
    expect(architectureOf(found)).toMatchObject({ layers: 2, heads: [2, 2], ffn: [32, 32], activation: 'gelu' });
    expect(found.unrecognised).toEqual([]);
  });

  test('a gate of two branches', () => {
    const model = replaceNodes(tinyBert({ layers: 1 }), (node) =>
      node.outputs[0] === 'layer.0.output.product'
        ? [
            make('MatMul', ['layer.0.attention', 'up'], 'upped'),
            make('Mul', ['layer.0.gelu.out', 'upped'], 'gated'),
            { ...node, inputs: ['gated', node.inputs[1]!] },
          ]
        : undefined,
    );
    withWeights(model, {
      up: floats(
        [16, 32],
        Array.from({ length: 512 }, (_, i) => i),
      ),
    });
    const [ffn] = recognise(model).encoders[0]!.layers[0]!.ffn;
    expect(ffn).toMatchObject({ gated: 'two-branch', width: 32, activation: 'gelu' });
    expect(ffn!.in.map((dense) => dense.weight.name)).toEqual(['layer.0.intermediate.weight', 'up']);
  });
});

describe('what is missing costs itself', () => {
  const without = (output: string): Model =>
    replaceNodes(tinyBert(), (node) =>
      node.outputs[0] === output ? [{ ...node, op: 'Mystery', domain: 'acme' }] : undefined,
    );

  test('a query that no dense layer makes', () => {
    const found = recognise(without('layer.0.query.product'));
    expect(architectureOf(found)).toMatchObject({ layers: 2, heads: [2, 2], ffn: [32, 32], vocabulary: 101 });
    expect(found.encoders[0]!.layers[0]!.attention).toMatchObject({ query: undefined, key: { inFeatures: 16 } });
    expect(found.unrecognised.map((miss) => miss.part)).toEqual(["query of '/layer.0.probs'"]);
  });

  test('a norm', () => {
    const found = recognise(without('layer.0.hidden'));
    expect(found.encoders[0]!.layers.map((layer) => layer.norms.length)).toEqual([1, 2]);
    expect(architectureOf(found)).toMatchObject({ layers: 2, heads: [2, 2], ffn: [32, 32] });
  });

  test('shapes: the heads then follow from scale and width', () => {
    const model = replaceNodes(tinyBert(), (node) =>
      node.op === 'Reshape' ? [{ ...node, op: 'MyReshape', domain: 'acme' }] : undefined,
    );
    expect(architectureOf(recognise(model))).toMatchObject({ heads: [2, 2], headSize: [8, 8] });
  });
});

test('nothing is thrown, whatever nodes become', () => {
  const count = tinyBert().graph.nodes.length;
  const ops = [
    'Identity',
    'Mystery',
    'Reshape',
    'Gather',
    'Softmax',
    'MatMul',
    'Einsum',
    'Slice',
    'Split',
    'Conv',
    'Attention',
    'Concat',
    'Where',
  ];
  const edit = fc.record({ at: fc.nat(count - 1), op: fc.constantFrom(...ops), swap: fc.boolean() });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 12 }), (edits) => {
      const model = tinyBert();
      for (const { at, op, swap } of edits) {
        const node = model.graph.nodes[at]!;
        model.graph.nodes[at] = { ...node, op, inputs: swap ? node.inputs.toReversed() : node.inputs };
      }
      const found = recognise(model);
      architectureOf(found);
      inputsOf(found);
      expect(found.family).toBeDefined();
    }),
    { numRuns: 200 },
  );
});
