// Rules of matrix products.
import { floatAttr, intAttr } from '../ir/node.ts';
import { fixed, type Axis } from './facts.ts';
import type { Call, Rules } from './rule.ts';
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

/** dB = A^T dY; against one matrix all leading axes are one sum over tokens, a single Gemm. */
function rightGradient(call: Call): string {
  const {
    x: [a = '', b = ''],
    y: [y = ''],
    g,
    emit,
    dims,
  } = call;
  if (dims(b).length === 2 && dims(a).length >= 2)
    return emit.op('Gemm', [rows(call, a), rows(call, g, y)], { transA: 1n });
  return emit.matmul(a, g, { transA: true });
}

/** Leading axes of the product before a broadcast operand's gradient is summed. */
function productDims(call: Call, rowsOf: Axis, columnsOf: Axis): readonly Axis[] {
  return [...call.dims(call.y[0]!).slice(0, -2), rowsOf, columnsOf];
}

function matmul(call: Call): ReturnType<Rules[string]> {
  const {
    x: [a = '', b = ''],
    g,
    emit,
    dims,
    node,
  } = call;
  const [da, db] = [dims(a), dims(b)];
  if (da.length === 1 || db.length === 1) return vectorProduct(call);
  return [
    () => {
      const grad = emit.matmul(g, b, { transB: true });
      return db.length === 2 ? grad : unbroadcast(emit, grad, productDims(call, da.at(-2)!, da.at(-1)!), da, node);
    },
    () => {
      const grad = rightGradient(call);
      return db.length === 2 ? grad : unbroadcast(emit, grad, productDims(call, db.at(-2)!, db.at(-1)!), db, node);
    },
  ];
}

/** MatMul with a vector on one side: the vector becomes a matrix of one row or column (numpy.matmul). */
function vectorProduct(call: Call): ReturnType<Rules[string]> {
  const {
    x: [a = '', b = ''],
    g,
    emit,
    dims,
    node,
  } = call;
  const [da, db, one] = [dims(a), dims(b), [1, 1, 1]];
  const wideA = da.length === 1 ? emit.unsqueeze(a, [0]) : a;
  const wideB = db.length === 1 ? emit.unsqueeze(b, [1]) : b;
  const wideG = emit.unsqueeze(emit.unsqueeze(g, db.length === 1 ? [dims(call.y[0]!).length] : []), []);
  const matrixG = da.length === 1 ? emit.unsqueeze(wideG, [db.length === 1 ? 0 : dims(call.y[0]!).length - 1]) : wideG;
  const lead = db.length > 2 ? db.slice(0, -2) : da.length > 2 ? da.slice(0, -2) : [];
  const finish = (grad: string, from: readonly Axis[], to: readonly Axis[], axis: number): string => {
    if (to.length > 1) return unbroadcast(emit, grad, from, to, node);
    const summed = emit.sum(
      grad,
      lead.map((_, i) => i),
      false,
    );
    return emit.sum(summed, [axis], false);
  };
  return [
    () => finish(emit.matmul(matrixG, wideB, { transB: true }), [...lead, da.at(-2) ?? one, da.at(-1)!], da, 0),
    () =>
      finish(
        emit.matmul(wideA, matrixG, { transA: true }),
        [...lead, db.length === 1 ? db[0]! : db.at(-2)!, db.length === 1 ? one : db.at(-1)!],
        db,
        1,
      ),
  ];
}

/** Y = alpha A' B' + beta C; each gradient in the layout its operand has. */
function gemm(call: Call): ReturnType<Rules[string]> {
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
  const product = (left: string, right: string, flipLeft: boolean, flipRight: boolean): string =>
    emit.op('Gemm', [left, right], {
      ...(flipLeft ? { transA: 1n } : {}),
      ...(flipRight ? { transB: 1n } : {}),
      ...(alpha === 1 ? {} : { alpha }),
    });
  return [
    () => (transA ? product(b, g, transB, true) : product(g, b, false, !transB)),
    () => (transB ? product(g, a, true, transA) : product(a, g, !transA, false)),
    () => unbroadcast(emit, emit.scale(g, floatAttr(node, 'beta') ?? 1), dims(y), dims(c), node),
  ];
}

export const matrixRules: Rules = { MatMul: matmul, Gemm: gemm };
