// Rules of operators that take elements by index; repeated indices add up.
import { ModelError } from '../errors.ts';
import { intAttr } from '../ir/node.ts';
import { describe } from '../ir/verify.ts';
import { fixed, type Axis } from './facts.ts';
import type { Call, Rules } from './rule.ts';
import { axisOf } from './rules-move.ts';
import { oneHot, scatter } from './scatter.ts';
import { reshapeLike } from './shape-of.ts';

/** One element of an axis: its gradient where the position is that element, else 0. */
function one(call: Call, axis: number): string {
  const {
    x: [x = '', indices = ''],
    y: [y = ''],
    g,
    emit,
    dims,
    facts,
  } = call;
  const [from, to] = [dims(y), dims(x)];
  const kept: readonly Axis[] = to.map((size, i) => (i === axis ? size.map(() => 1) : size));
  const wide = from.length === to.length - 1 ? emit.unsqueeze(g, [axis]) : reshapeLike(emit, g, from, kept, x);
  const size = emit.op('Squeeze', [emit.size(x, axis)]);
  const positions = emit.op('Range', [emit.scalarInt(0), size, emit.scalarInt(1)]);
  const index = facts.known(indices)?.data[0];
  const flat = emit.cast(emit.reshape(indices, [1]), 7);
  const wanted = index !== undefined && index >= 0 ? emit.ints([index]) : emit.op('Mod', [emit.add(flat, size), size]);
  const after = Array.from({ length: to.length - 1 - axis }, (_, i) => i + 1);
  return emit.op('Where', [emit.unsqueeze(emit.op('Equal', [positions, wanted]), after), wide, emit.scalar(0)]);
}

function gather(call: Call): string {
  const {
    x: [x = '', indices = ''],
    g,
    emit,
    dims,
  } = call;
  const axis = axisOf(call);
  if (dims(indices).every((size) => fixed(size) === 1)) return one(call, axis);
  const rank = dims(x).length;
  const shape = emit.shape(x);
  const part = (start: number, end: number): string => emit.op('Slice', [shape, emit.ints([start]), emit.ints([end])]);
  const target = (): string => emit.op('Concat', [part(0, axis), emit.ints([-1]), part(axis + 1, rank)], { axis: 0n });
  const lines = dims(indices).length === 1 ? g : emit.op('Reshape', [g, target()]);
  return scatter(emit, x, emit.reshape(indices, [-1]), lines, axis, rank, true);
}

/** Indices of the first `depth` axes become one index, ((i0 D1) + i1) D2 + …: rows of a matrix are gathered. */
function gatherND(call: Call): string {
  const {
    node,
    x: [x = '', indices = ''],
    g,
    emit,
    dims,
  } = call;
  const depth = fixed(dims(indices).at(-1));
  if (depth === undefined || depth === 0 || (intAttr(node, 'batch_dims') ?? 0) !== 0)
    throw new ModelError(`gradient: expected GatherND without batch_dims, found another (${describe(node)})`);
  const columns = emit.reshape(indices, [-1, depth]);
  const column = (k: number): string =>
    // a negative index counts from the end
    emit.op('Mod', [emit.op('Gather', [columns, emit.scalarInt(k)], { axis: 1n }), emit.size(x, k)]);
  let rows = column(0);
  for (let k = 1; k < depth; k++) rows = emit.add(emit.mul(rows, emit.size(x, k)), column(k));
  const leading = emit.op('Slice', [emit.shape(x), emit.ints([0]), emit.ints([depth])]);
  const count = emit.op('ReduceProd', [leading], { keepdims: 1n });
  const matrix = emit.op('Reshape', [x, emit.op('Concat', [count, emit.ints([-1])], { axis: 0n })]);
  const lines = emit.op('Reshape', [g, emit.op('Concat', [emit.shape(rows), emit.ints([-1])], { axis: 0n })]);
  return emit.op('Reshape', [scatter(emit, matrix, rows, lines, 0, 2, true), emit.shape(x)]);
}

/** An axis of which one element is taken has no repeats. */
function gatherElements(call: Call): string {
  const {
    node,
    x: [x = '', indices = ''],
    g,
    emit,
    dims,
  } = call;
  const axis = axisOf(call);
  const unique = fixed(dims(indices)[axis]) === 1;
  if (unique || emit.opset >= 16) {
    const attrs = { axis: BigInt(axis), ...(unique ? {} : { reduction: 'add' }) };
    return emit.op('ScatterElements', [emit.zerosLike(x), indices, g], attrs);
  }
  const rank = dims(x).length;
  if (axis !== rank - 1)
    throw new ModelError(`gradient: expected opset 16 or newer, found ${emit.opset} (${describe(node)})`);
  const summed = emit.matmul(emit.unsqueeze(g, [rank - 1]), oneHot(emit, indices, emit.size(x, axis)));
  const target = dims(x).map((size, i) => (i < rank - 1 ? 0 : (fixed(size) ?? -1)));
  return emit.reshape(summed, target);
}

export const gatherRules: Rules = {
  Gather: (call) => [() => gather(call)],
  GatherND: (call) => [() => gatherND(call)],
  GatherElements: (call) => [() => gatherElements(call)],
};
