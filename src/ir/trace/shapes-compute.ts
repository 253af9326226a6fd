// Shape rules of operators that compute: matrix products, convolutions, reductions, attention, generators.
import { intAttr, intsAttr, stringAttr } from '../node.ts';
import { broadcastDims } from './arrays.ts';
import type { Dims } from './known.ts';
import { axisOf, integers, unknownDims, type ShapeRule } from './rule.ts';

/** numpy matmul of two shapes. */
export function matmulDims(a: Dims | undefined, b: Dims | undefined, transA = false, transB = false): Dims | undefined {
  if (!a || !b) return undefined;
  const swap = (x: Dims): Dims => [...x.slice(0, -2), x.at(-1), x.at(-2)];
  const left = a.length === 1 ? [1, a[0]] : transA ? swap(a) : a;
  const right = b.length === 1 ? [b[0], 1] : transB ? swap(b) : b;
  const outer = broadcastDims([left.slice(0, -2), right.slice(0, -2)])!;
  return [...outer, ...(a.length === 1 ? [] : [left.at(-2)]), ...(b.length === 1 ? [] : [right.at(-1)])];
}

/** A product whose second operand is input `b`. */
export function matmul(b = 1): ShapeRule {
  return (node, trace) => [
    matmulDims(
      trace.dims(node.inputs[0]),
      trace.dims(node.inputs[b]),
      intAttr(node, 'transA') === 1,
      intAttr(node, 'transB') === 1,
    ),
  ];
}

/** Convolution: [N, C, spatial …] with weight [M, C/group, kernel …] at input `w`. */
export function conv(w = 1): ShapeRule {
  return (node, trace) => {
    const x = trace.dims(node.inputs[0]);
    const weight = trace.dims(node.inputs[w]);
    if (!x || !weight) return undefined;
    const rank = x.length - 2;
    const pads = intsAttr(node, 'pads') ?? Array.from({ length: 2 * rank }, () => 0);
    const strides = intsAttr(node, 'strides');
    const dilations = intsAttr(node, 'dilations');
    const same = stringAttr(node, 'auto_pad')?.startsWith('SAME') ?? false;
    const spatial = Array.from({ length: rank }, (_, i) => {
      const [size, kernel, step] = [x[i + 2], weight[i + 2], strides?.[i] ?? 1];
      if (size === undefined || kernel === undefined) return undefined;
      if (same) return Math.ceil(size / step);
      return Math.floor((size + pads[i]! + pads[i + rank]! - (dilations?.[i] ?? 1) * (kernel - 1) - 1) / step) + 1;
    });
    return [[x[0], weight[0], ...spatial]];
  };
}

/** Reductions: axes as attribute or second input, keepdims 1 by default. */
export const reduce: ShapeRule = (node, trace) => {
  const x = trace.dims(node.inputs[0]);
  if (!x) return undefined;
  const given = integers(node, trace, 'axes', 1);
  if (!given && node.inputs[1]) return undefined;
  if (!given && intAttr(node, 'noop_with_empty_axes') === 1) return [x];
  const axes = new Set(given?.map((axis) => axisOf(axis, x.length)) ?? x.keys());
  const keep = intAttr(node, 'keepdims') ?? 1;
  return [keep ? x.map((dim, i) => (axes.has(i) ? 1 : dim)) : x.filter((_, i) => !axes.has(i))];
};

const argReduce: ShapeRule = (node, trace) => {
  const x = trace.dims(node.inputs[0]);
  const axis = x && axisOf(intAttr(node, 'axis') ?? 0, x.length);
  return (
    x && [intAttr(node, 'keepdims') === 0 ? x.filter((_, i) => i !== axis) : x.map((dim, i) => (i === axis ? 1 : dim))]
  );
};

const range: ShapeRule = (node, trace) => {
  const [start, limit, delta] = node.inputs.map((input) => trace.known(input)?.data[0]);
  if (start === undefined || limit === undefined || !delta) return [[undefined]];
  return [[Math.max(0, Math.ceil((limit - start) / delta))]];
};

const constantOfShape: ShapeRule = (node, trace) => {
  const shape = trace.known(node.inputs[0]);
  if (shape) return [Array.from(shape.data)];
  const rank = trace.dims(node.inputs[0])?.[0];
  return unknownDims(rank);
};

const einsum: ShapeRule = (node, trace) => {
  const [left = '', right] = (stringAttr(node, 'equation') ?? '').replaceAll(' ', '').split('->');
  if (right === undefined || left.includes('.')) return undefined;
  const size = new Map<string, number | undefined>();
  left.split(',').forEach((letters, k) => {
    const shape = trace.dims(node.inputs[k]);
    [...letters].forEach((letter, i) => size.set(letter, size.get(letter) ?? shape?.[i]));
  });
  return [[...right].map((letter) => size.get(letter))];
};

/** Reduce operators, which all have one rule. */
export const reductions = [
  'Sum',
  'Mean',
  'Max',
  'Min',
  'Prod',
  'L1',
  'L2',
  'SumSquare',
  'LogSum',
  'LogSumExp',
] as const;

/** Shape rules by operator of the standard domain. */
export const computeShapes: Readonly<Record<string, ShapeRule>> = {
  MatMul: matmul(),
  Gemm: matmul(),
  MatMulInteger: matmul(),
  QLinearMatMul: matmul(3),
  Conv: conv(),
  ConvInteger: conv(),
  QLinearConv: conv(3),
  Einsum: einsum,
  Range: range,
  ConstantOfShape: constantOfShape,
  ArgMax: argReduce,
  ArgMin: argReduce,
  ...Object.fromEntries(reductions.map((name) => [`Reduce${name}`, reduce])),
  Shape: (_, trace) => {
    const rank = trace.dims(_.inputs[0])?.length;
    return rank === undefined
      ? [[undefined]]
      : [[sliceLength(rank, intAttr(_, 'start') ?? 0, intAttr(_, 'end') ?? rank)]];
  },
  Size: () => [[]],
  NonZero: (node, trace) => [[trace.dims(node.inputs[0])?.length, undefined]],
  DynamicQuantizeLinear: (node, trace) => [trace.dims(node.inputs[0]), [], []],
  Where: (node, trace) => [broadcastDims(node.inputs.map((input) => trace.dims(input)))],
};

function sliceLength(rank: number, start: number, end: number): number {
  const clamp = (value: number): number => Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);
  return Math.max(0, clamp(end) - clamp(start));
}
