// Every gradient rule against central differences, element by element, over a table of shapes.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { Builder } from '../../src/ir/builder.ts';
import { makeNode, type AttrValue } from '../../src/ir/node.ts';
import { elementCount, floats, int64s, memoryTensor, type Tensor } from '../../src/ir/tensor.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession } from '../../src/runtime/session.ts';
import { floatValue, modelOf } from '../support/graphs.ts';
import { tempDir } from '../support/temp.ts';

type Shape = readonly number[];

interface Case {
  readonly op: string;
  /** Shapes of inputs that are differentiated, tensors that are not, '' for one left out; in the operator's order. */
  readonly inputs: readonly (Shape | Tensor | '')[];
  readonly attrs?: Readonly<Record<string, AttrValue>>;
  readonly outputs?: number;
  readonly opset?: number;
  readonly domain?: string;
  /** Element i of the differentiated inputs; default a sine between -1.2 and 1.2. */
  readonly value?: (i: number) => number;
  /** Leading axes are free in the graph: their sizes are known when it runs. */
  readonly free?: number;
}

const wavy = (i: number): number => 1.2 * Math.sin(1 + 2.1 * i);
/** No element near a kink at 0. */
const kinked = (i: number): number => (((Math.round(i) * 7) % 11) - 5.5) / 4;
const positive = (i: number): number => 1.5 + Math.sin(1 + 2.1 * i);
const microsoft = { domain: 'com.microsoft' };
const x34 = [3, 4];
const x234 = [2, 3, 4];

/** Broadcasting: rows, columns, scalars, ones in the middle, more axes on either side. */
const pairs: readonly (readonly [Shape, Shape])[] = [
  [x34, x34],
  [x234, [4]],
  [[4], x234],
  [x234, [3, 1]],
  [x234, []],
  [[], x34],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [[1], [1, 1, 2]],
];
const broadcast = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum'].flatMap((op): Case[] =>
  pairs.map((inputs) => ({ op, inputs, value: op === 'Div' ? positive : wavy })),
);

const smooth: Case[] = [
  ...['Identity', 'Neg', 'Erf', 'Tanh', 'Sigmoid', 'Exp', 'Sin', 'Cos', 'Softplus'].map((op): Case => ({
    op,
    inputs: [x234],
  })),
  ...['Abs', 'Relu', 'LeakyRelu'].map((op): Case => ({ op, inputs: [x234], value: kinked })),
  ...['Sqrt', 'Log', 'Reciprocal'].map((op): Case => ({ op, inputs: [x34], value: positive })),
  { op: 'Dropout', inputs: [x34] },
  { op: 'Gelu', inputs: [x34], opset: 20 },
  { op: 'Gelu', inputs: [x34], opset: 20, attrs: { approximate: 'tanh' } },
  { op: 'Gelu', inputs: [x34], ...microsoft },
  { op: 'FastGelu', inputs: [x34], ...microsoft },
  { op: 'FastGelu', inputs: [x34, [4]], ...microsoft },
  { op: 'BiasGelu', inputs: [x34, [4]], ...microsoft },
  { op: 'QuickGelu', inputs: [x34], ...microsoft },
  { op: 'QuickGelu', inputs: [x34], ...microsoft, attrs: { alpha: 1 } },
  { op: 'Clip', inputs: [x34, floats([], [-0.5]), floats([], [0.7])] },
  { op: 'Clip', inputs: [x34, '', floats([], [0.7])] },
  { op: 'Cast', inputs: [x34], attrs: { to: 11n } },
  ...[2, 3, 0.5, -1, 1].map((c): Case => ({ op: 'Pow', inputs: [x34, floats([], [c])], value: positive })),
  { op: 'Where', inputs: [memoryTensor('bool', [3, 1], Uint8Array.of(1, 0, 1)), [4], x34] },
  { op: 'Expand', inputs: [[3, 1], int64s([3], [2, 1, 4])] },
];

const products: Case[] = [
  { op: 'MatMul', inputs: [x34, [4, 2]] },
  { op: 'MatMul', inputs: [x234, [4, 2]] },
  { op: 'MatMul', inputs: [x234, [4, 2]], free: 2 },
  { op: 'MatMul', inputs: [x234, [2, 4, 3]] },
  {
    op: 'MatMul',
    inputs: [
      [2, 1, 3, 2],
      [3, 2, 2],
    ],
  },
  { op: 'MatMul', inputs: [x34, [2, 4, 3]] },
  { op: 'MatMul', inputs: [x234, [4]] },
  { op: 'FusedMatMul', inputs: [x234, [2, 5, 4]], attrs: { transB: 1n, alpha: 0.3 }, ...microsoft },
  { op: 'FusedMatMul', inputs: [x234, [2, 3, 2]], attrs: { transA: 1n }, ...microsoft },
  { op: 'FusedMatMul', inputs: [x234, [2, 5, 3]], attrs: { transA: 1n, transB: 1n }, ...microsoft },
  { op: 'FusedMatMul', inputs: [x234, [5, 4]], attrs: { transB: 1n, alpha: 2 }, ...microsoft },
  ...[0n, 1n].flatMap((transA) =>
    [0n, 1n].flatMap((transB) =>
      [[], [2], [1, 2], [3, 1], [3, 2]].map((c): Case => ({
        op: 'Gemm',
        inputs: [transA === 1n ? [4, 3] : x34, transB === 1n ? [2, 4] : [4, 2], c],
        attrs: { transA, transB, alpha: 0.7, beta: 1.3 },
      })),
    ),
  ),
  { op: 'Gemm', inputs: [x34, [4, 2]] },
  {
    op: 'Einsum',
    inputs: [
      [2, 2, 3, 4],
      [3, 5, 4],
    ],
    attrs: { equation: 'bhld,lrd->bhlr' },
  },
  { op: 'Einsum', inputs: [x34, [4, 2]], attrs: { equation: 'ij,jk->ik' } },
  { op: 'Einsum', inputs: [x34], attrs: { equation: 'ij->ji' } },
  { op: 'Conv', inputs: [[2, 4, 5], [6, 2, 1], [6]], attrs: { group: 2n, kernel_shape: [1n] } },
  {
    op: 'Conv',
    inputs: [
      [2, 4, 5],
      [4, 1, 3],
    ],
    attrs: { group: 4n, pads: [1n, 1n] },
  },
  { op: 'Conv', inputs: [[2, 4, 6], [2, 2, 2], [2]], attrs: { group: 2n, dilations: [2n], pads: [1n, 0n] } },
];

const moves: Case[] = [
  { op: 'Reshape', inputs: [x234, int64s([2], [0, -1])] },
  { op: 'Reshape', inputs: [x234, int64s([2], [-1, 4])], free: 2 },
  { op: 'Reshape', inputs: [x234, int64s([4], [0, 0, 2, 2])], free: 2 },
  { op: 'Flatten', inputs: [x234], attrs: { axis: -1n } },
  { op: 'Squeeze', inputs: [[2, 1, 3, 1], int64s([2], [1, -1])] },
  { op: 'Squeeze', inputs: [[2, 1, 3]] },
  { op: 'Squeeze', inputs: [[2, 1, 3]], attrs: { axes: [1n] }, opset: 11 },
  { op: 'Unsqueeze', inputs: [x34, int64s([2], [0, -1])], free: 1 },
  { op: 'Unsqueeze', inputs: [x34], attrs: { axes: [1n] }, opset: 11 },
  { op: 'Transpose', inputs: [x234], attrs: { perm: [1n, 2n, 0n] } },
  { op: 'Transpose', inputs: [x234] },
  { op: 'Concat', inputs: [x234, [2, 1, 4], x234], attrs: { axis: -2n } },
  { op: 'Concat', inputs: [x34, x34], attrs: { axis: 0n }, free: 1 },
  { op: 'Split', inputs: [x34], attrs: { axis: -1n }, outputs: 2 },
  { op: 'Split', inputs: [x34, int64s([2], [1, 3])], attrs: { axis: 1n }, outputs: 2 },
  { op: 'Slice', inputs: [x34, int64s([1], [1]), int64s([1], [3])] },
  { op: 'Slice', inputs: [x34, int64s([2], [-2, 1]), int64s([2], [2 ** 53, -1]), int64s([2], [0, -1])] },
  { op: 'Slice', inputs: [x34, int64s([1], [1]), int64s([1], [2 ** 53]), int64s([1], [0])], free: 1 },
  { op: 'Slice', inputs: [x34, int64s([1], [0]), int64s([1], [1]), int64s([1], [0])], free: 1 },
  { op: 'Slice', inputs: [x34, int64s([1], [-1]), int64s([1], [2 ** 53]), int64s([1], [0])], free: 1 },
  { op: 'Slice', inputs: [x34, int64s([1], [1]), int64s([1], [4]), int64s([1], [1]), int64s([1], [2])] },
  { op: 'Slice', inputs: [x34, int64s([1], [-1]), int64s([1], [-9]), int64s([1], [-1]), int64s([1], [-1])] },
  { op: 'Pad', inputs: [x34, int64s([4], [1, 0, 0, 2])] },
  { op: 'Pad', inputs: [x34, int64s([4], [0, 1, 2, 0])], free: 1 },
  { op: 'Tile', inputs: [x34, int64s([2], [2, 3])] },
  { op: 'Gather', inputs: [x34, int64s([], [1])] },
  { op: 'Gather', inputs: [x234, int64s([], [-1])], attrs: { axis: 1n }, free: 2 },
  { op: 'Gather', inputs: [x234, int64s([1], [0])], attrs: { axis: 1n }, free: 2 },
  ...[11, 14, 17].flatMap((opset): Case[] => [
    { op: 'Gather', inputs: [x34, int64s([7], [1, 1, 1, 0, 1, -1, 1])], opset },
    { op: 'Gather', inputs: [x234, int64s([2, 3], [2, 2, 0, 2, -1, 2])], attrs: { axis: 1n }, opset },
    { op: 'GatherElements', inputs: [x34, int64s([3, 1], [3, 0, -1])], attrs: { axis: 1n }, opset },
    { op: 'GatherElements', inputs: [x34, int64s([3, 3], [1, 1, 1, 0, 3, 0, 2, 2, -2])], attrs: { axis: -1n }, opset },
  ]),
  { op: 'GatherElements', inputs: [x34, int64s([3, 4], [0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 1, 0])], attrs: { axis: 0n } },
];

const reductions: Case[] = [
  ...['ReduceSum', 'ReduceMean', 'ReduceL2'].flatMap((op): Case[] =>
    [0n, 1n].flatMap((keepdims) => [
      { op, inputs: [x234, int64s([2], [0, -1])], attrs: { keepdims }, opset: 18 },
      { op, inputs: [x234], attrs: { keepdims }, opset: 18 },
      { op, inputs: [x234], attrs: { axes: [-2n], keepdims }, opset: 11, free: 2 },
    ]),
  ),
  ...['Softmax', 'LogSoftmax'].flatMap((op): Case[] => [
    { op, inputs: [x234], attrs: { axis: -1n } },
    { op, inputs: [x234], attrs: { axis: 1n } },
    { op, inputs: [x34], opset: 11 },
  ]),
  ...[11, 17].map((opset): Case => ({
    op: 'LayerNormalization',
    inputs: [x234, [4], [4]],
    attrs: { axis: -1n },
    opset,
  })),
  { op: 'LayerNormalization', inputs: [x234, [4]], attrs: { axis: 2n, epsilon: 0.1 }, free: 2 },
  { op: 'SimplifiedLayerNormalization', inputs: [x234, [4]], attrs: { axis: -1n } },
  { op: 'SkipLayerNormalization', inputs: [x234, x234, [4], [4], [4]], attrs: { epsilon: 0.1 }, ...microsoft },
];

const attentions: Case[] = [
  {
    op: 'Attention',
    inputs: [
      [2, 2, 3, 2],
      [2, 2, 3, 2],
      [2, 2, 3, 2],
    ],
    opset: 23,
  },
  {
    op: 'Attention',
    inputs: [x234, x234, x234, memoryTensor('bool', [2, 1, 1, 3], Uint8Array.of(1, 1, 1, 1, 1, 0))],
    attrs: { q_num_heads: 2n, kv_num_heads: 2n, scale: 0.9 },
    opset: 23,
  },
  {
    op: 'Attention',
    inputs: [x234, [4, 12], [12], memoryTensor('int32', [2], Int32Array.of(3, 2))],
    attrs: { num_heads: 2n },
    ...microsoft,
  },
  {
    op: 'Attention',
    inputs: [x234, [4, 12], [12], memoryTensor('int32', [2, 3], Int32Array.of(1, 1, 1, 1, 1, 0))],
    attrs: { num_heads: 2n },
    ...microsoft,
  },
  { op: 'MultiHeadAttention', inputs: [x234, x234, x234, [12]], attrs: { num_heads: 2n }, ...microsoft },
];

const isShape = (input: Shape | Tensor | ''): input is Shape => Array.isArray(input);

/** Analytic and numeric gradients of every differentiated input. */
async function gradients(one: Case): Promise<Record<string, { analytic: number[]; numeric: number[] }>> {
  const value = one.value ?? wavy;
  const names = one.inputs.map((input, i) => (input === '' ? '' : `x${i}`));
  const of = names.filter((_, i) => isShape(one.inputs[i]!));
  const outputs = Array.from({ length: one.outputs ?? 1 }, (_, i) => `y${i}`);
  const model = modelOf({
    inputs: one.inputs.flatMap((input, i) =>
      isShape(input)
        ? [floatValue(names[i]!, ...input.map((dim, axis) => (axis < (one.free ?? 0) ? `d${dim}` : dim)))]
        : [],
    ),
    outputs: outputs.map((name) => ({ name })),
    nodes: [makeNode(one.op, names, outputs, { attrs: one.attrs ?? {}, domain: one.domain ?? '' })],
    initializers: Object.fromEntries(
      one.inputs.flatMap((input, i) => (input === '' || isShape(input) ? [] : [[names[i]!, input] as const])),
    ),
    opset: one.opset ?? 17,
    domains: ['com.microsoft'],
  });
  const builder = new Builder(model.graph, one.opset ?? 17, 'loss');
  const [zero, step] = [builder.tensor(int64s([], [0])), builder.tensor(int64s([], [1]))];
  // every element of the outputs counts, each with a factor of its own
  const parts = outputs.map((output) => {
    const flat = builder.op('Cast', [builder.op('Reshape', [output, builder.ints([-1])])], { to: 1n });
    const places = builder.op('Cast', [builder.op('Range', [zero, builder.op('Size', [output]), step])], { to: 1n });
    const factor = builder.op('Cos', [builder.op('Mul', [places, builder.scalar(1.3)])]);
    return builder.reduceSum(builder.op('Mul', [flat, factor]), [0], false);
  });
  const loss = parts.reduce((a, b) => builder.op('Add', [a, b]));
  model.graph.nodes.push(...builder.nodes);
  const made = differentiate(model, { loss, of });
  const path = join(tempDir(), 'rule.onnx');
  writeModel(made.model, path);
  const session = await openSession(path, { threads: 1 });
  const feeds = Object.fromEntries(
    one.inputs.flatMap((input, i) =>
      isShape(input)
        ? [
            [
              names[i]!,
              {
                dtype: 'float32' as const,
                dims: input,
                data: Float32Array.from({ length: elementCount(input) }, (_, k) => value(k + 5.3 * i)),
              },
            ] as const,
          ]
        : [],
    ),
  );
  const lossAt = async (name: string, k: number, by: number): Promise<number> => {
    const data = feeds[name]!.data.slice();
    data[k]! += by;
    const out = await session.run({ ...feeds, [name]: { ...feeds[name]!, data } }, [loss]);
    return (out[loss]!.data as Float32Array)[0]!;
  };
  const results = await session.run(feeds);
  const found: Record<string, { analytic: number[]; numeric: number[] }> = {};
  for (const name of of) {
    const gradient = made.gradients.get(name);
    if (gradient?.kind !== 'dense') throw new Error(`no gradient of ${name}`);
    expect(results[gradient.output]!.dims).toEqual(feeds[name]!.dims);
    const numeric: number[] = [];
    for (let k = 0; k < feeds[name]!.data.length; k++)
      numeric.push(((await lossAt(name, k, 0.01)) - (await lossAt(name, k, -0.01))) / 0.02);
    found[name] = { analytic: [...(results[gradient.output]!.data as Float32Array)], numeric };
  }
  await session.release();
  return found;
}

describe.each([
  ['broadcasting', broadcast],
  ['functions of one number', smooth],
  ['products', products],
  ['moves', moves],
  ['reductions and norms', reductions],
  ['attention', attentions],
] as const)('%s', (_, cases) => {
  const titled = cases.map((one) => {
    const shapes = one.inputs.map((input) =>
      input === '' ? '-' : `[${(isShape(input) ? input : input.shape).join(',')}]`,
    );
    return [`${one.op}(${shapes.join(' ')}) opset ${one.opset ?? 17} #`, one] as const;
  });

  test.each(titled)('%s%#', async (_title, one) => {
    for (const [name, { analytic, numeric }] of Object.entries(await gradients(one))) {
      analytic.forEach((x, i) => {
        expect(Math.abs(x - numeric[i]!), `${name}[${i}]: ${x}, numeric ${numeric[i]}`).toBeLessThan(
          2e-3 + 3e-3 * Math.abs(x),
        );
      });
    }
  });
});
