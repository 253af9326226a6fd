// Rules of matrix products.
import { ModelError } from '../errors.ts';
import { floatAttr, intAttr } from '../ir/node.ts';
import { describe } from '../ir/verify.ts';
import { fixed, type Axis } from './facts.ts';
import type { Call, InputGradient, Rules } from './rule.ts';
import { unbroadcast } from './shape-of.ts';

/** Rows of all leading axes as one: [tokens, width]. A Reshape copies nothing. */
function rows({ emit, dims }: Call, value: string, of = value): string {
  const axes = dims(of);
  if (axes.length === 2) return value;
  const width = fixed(axes.at(-1));
  return width === undefined
    ? emit.op('Flatten', [value], { axis: BigInt(axes.length - 1) })
    : emit.reshape(value, [-1, width]);
}

/** Y = alpha A' B' over the last two axes, A' and B' transposed or not; leading axes broadcast. */
function product(call: Call, transA: boolean, transB: boolean, alpha: number): InputGradient[] {
  const {
    x: [a = '', b = ''],
    y: [y = ''],
    g,
    emit,
    dims,
    node,
  } = call;
  const [da, db] = [dims(a), dims(b)];
  const fit = (grad: string, to: readonly Axis[]): string =>
    unbroadcast(emit, grad, [...dims(y).slice(0, -2), ...to.slice(-2)], to, node);
  const dA = (): string =>
    transA ? emit.matmul(b, g, { transA: transB, transB: true, alpha }) : emit.matmul(g, b, { transB: !transB, alpha });
  const dB = (): string =>
    transB ? emit.matmul(g, a, { transA: true, transB: transA, alpha }) : emit.matmul(a, g, { transA: !transA, alpha });
  // against one matrix all leading axes are one sum over tokens, a single Gemm
  const dense = (): string => {
    const [left, right] = [rows(call, a), rows(call, g, y)];
    return emit.op('Gemm', transB ? [right, left] : [left, right], { transA: 1n, ...(alpha === 1 ? {} : { alpha }) });
  };
  return [() => fit(dA(), da), () => (db.length === 2 && !transA ? dense() : fit(dB(), db))];
}

/** numpy's product: a vector on the left is a row, on the right a column, and that axis goes from the result. */
function matmul(call: Call): InputGradient[] {
  const {
    x: [a = '', b = ''],
    y: [y = ''],
    emit,
    dims,
    node,
  } = call;
  if (dims(a).length > 1 && dims(b).length > 1) return product(call, false, false, 1);
  if (dims(a).length === 1)
    throw new ModelError(`gradient: expected a matrix on the left, found the vector '${a}' (${describe(node)})`);
  const g = emit.unsqueeze(call.g, [dims(y).length]);
  return [
    () => emit.mul(g, b),
    () =>
      emit.sum(
        emit.mul(g, a),
        dims(y).map((_, i) => i),
        false,
      ),
  ];
}

/** onnxruntime's MatMul with transposed operands and a factor. */
function fusedMatMul(call: Call): InputGradient[] {
  const flag = (name: string): boolean => intAttr(call.node, name) === 1;
  if (flag('transBatchA') || flag('transBatchB'))
    throw new ModelError(`gradient: expected no transBatchA and transBatchB, found one (${describe(call.node)})`);
  return product(call, flag('transA'), flag('transB'), floatAttr(call.node, 'alpha') ?? 1);
}

/** Y = alpha A' B' + beta C; each gradient in the layout its operand has. */
function gemm(call: Call): InputGradient[] {
  const {
    x: [a = '', b = '', c = ''],
    y: [y = ''],
    g,
    emit,
    dims,
    node,
  } = call;
  const [transA, transB] = [intAttr(node, 'transA') === 1, intAttr(node, 'transB') === 1];
  const alpha = floatAttr(node, 'alpha') ?? 1;
  const times = (left: string, right: string, flipLeft: boolean, flipRight: boolean): string =>
    emit.op('Gemm', [left, right], {
      ...(flipLeft ? { transA: 1n } : {}),
      ...(flipRight ? { transB: 1n } : {}),
      ...(alpha === 1 ? {} : { alpha }),
    });
  return [
    () => (transA ? times(b, g, transB, true) : times(g, b, false, !transB)),
    () => (transB ? times(g, a, true, transA) : times(a, g, !transA, false)),
    () => unbroadcast(emit, emit.scale(g, floatAttr(node, 'beta') ?? 1), dims(y), dims(c), node),
  ];
}

export const matrixRules: Rules = { MatMul: matmul, Gemm: gemm, 'com.microsoft::FusedMatMul': fusedMatMul };
