// Rules of operators that move elements: what went somewhere comes back from there.
import { ModelError } from '../errors.ts';
import { intAttr, intsAttr, stringAttr } from '../ir/node.ts';
import { describe } from '../ir/verify.ts';
import { fixed, type Axis } from './facts.ts';
import type { Call, InputGradient, Rules } from './rule.ts';
import { reshapeLike } from './shape-of.ts';

/** The same elements in another shape. */
const reshape = ({ x: [x = ''], y: [y = ''], g, emit, dims }: Call): string =>
  reshapeLike(emit, g, dims(y), dims(x), x);

function transpose({ node, x: [x = ''], g, emit, dims }: Call): string {
  const perm = intsAttr(node, 'perm') ?? dims(x).map((_, i, all) => all.length - 1 - i);
  return emit.transpose(
    g,
    perm.map((_, axis) => perm.indexOf(axis)),
  );
}

/** Axis attribute counted from the front. */
function axisOf(call: Call, otherwise = 0): number {
  const axis = intAttr(call.node, 'axis') ?? otherwise;
  return axis < 0 ? axis + call.dims(call.x[0]!).length : axis;
}

/** Sum of sizes along an axis: a number where all are fixed, else the name of an int64 [1]. */
function offset(call: Call, values: readonly string[], axis: number): number | string {
  const sizes = values.map((value) => fixed(call.dims(value)[axis]));
  if (!sizes.includes(undefined)) return sizes.reduce<number>((sum, size) => sum + size!, 0);
  return values.map((value) => call.emit.size(value, axis)).reduce((a, b) => call.emit.add(a, b));
}

function concat(call: Call): InputGradient[] {
  const { x, g, emit } = call;
  const axis = axisOf(call);
  const at = (count: number): string => {
    const sum = offset(call, x.slice(0, count), axis);
    return typeof sum === 'number' ? emit.ints([sum]) : sum;
  };
  return x.map((_, i) => () => emit.op('Slice', [g, at(i), at(i + 1), emit.ints([axis])]));
}

function split(call: Call): string {
  const { y, grads, emit } = call;
  const parts = y.map((output, i) => grads[i] ?? emit.zerosLike(output));
  return emit.op('Concat', parts, { axis: BigInt(axisOf(call)) });
}

/** One axis that Slice cut. */
interface Cut {
  readonly axis: number;
  /** Where it begins, where that is a fixed number counted from the front. */
  readonly start: number | undefined;
  readonly step: number;
  /** Its index among the node's axes. */
  readonly index: number;
}

function cuts({ node, x, facts, dims }: Call): Cut[] {
  const numbers = (attr: string, input: number): number[] | undefined =>
    intsAttr(node, attr) ?? (x[input] ? Array.from(facts.known(x[input])?.data ?? []) : undefined);
  const rank = dims(x[0]!).length;
  const starts = numbers('starts', 1) ?? [];
  const steps = numbers('steps', 4) ?? [];
  const axes =
    numbers('axes', 3) ??
    dims(x[0]!)
      .map((_, i) => i)
      .slice(0, fixed(dims(x[1]!)[0]));
  return axes.map((given, index) => {
    const axis = given < 0 ? given + rank : given;
    const start = starts[index];
    const size = fixed(dims(x[0]!)[axis]);
    const front =
      start !== undefined && start < 0 ? (size === undefined ? undefined : Math.max(0, start + size)) : start;
    return { axis, start: front, step: steps[index] ?? 1, index };
  });
}

/** Zeros around: Pad by what Slice cut away, at run time where an axis is free. */
function slice(call: Call): string {
  const {
    x: [x = ''],
    y: [y = ''],
    g,
    emit,
    dims,
  } = call;
  const [from, to] = [dims(y), dims(x)];
  const cut = cuts(call);
  if (cut.some(({ start, step }) => start === undefined || step !== 1)) return stridedSlice(call, cut);
  const before = to.map((_, axis) => cut.find((part) => part.axis === axis)?.start ?? 0);
  const after = to.map((axis, i) => axis.map((size, trial) => size - before[i]! - from[i]![trial]!));
  if (after.every((axis) => fixed(axis) !== undefined))
    return emit.op('Pad', [g, emit.ints([...before, ...after.map((axis) => axis[0]!)])]);
  const ends = after.map((axis, i) => {
    const size = fixed(axis);
    return size === undefined
      ? emit.sub(emit.sub(emit.size(x, i), emit.size(y, i)), emit.ints([before[i]!]))
      : emit.ints([size]);
  });
  return emit.op('Pad', [g, emit.op('Concat', [emit.ints(before), ...ends], { axis: 0n })]);
}

/** Any slice of one axis: the positions it took are sliced from 0, 1, 2 … in the same way; none is taken twice. */
function stridedSlice({ node, x, g, emit, dims }: Call, cut: readonly Cut[]): string {
  const [only] = cut;
  if (cut.length !== 1 || !only || x.length < 3)
    throw new ModelError(`gradient: expected a slice with steps along one axis, found several (${describe(node)})`);
  const zero = emit.scalarInt(0);
  const size = emit.op('Squeeze', [emit.size(x[0]!, only.axis)]);
  const all = emit.op('Range', [zero, size, emit.scalarInt(1)]);
  const taken = emit.op('Slice', [all, x[1]!, x[2]!, emit.ints([0]), ...(x[4] ? [x[4]] : [])]);
  return scatter(emit, x[0]!, taken, g, only.axis, dims(x[0]!).length, 'none');
}

/** g added into zeros of x's shape at the positions `indices` [n] of an axis. */
function scatter(
  emit: Call['emit'],
  x: string,
  indices: string,
  g: string,
  axis: number,
  rank: number,
  reduction: 'none' | 'add',
): string {
  const line = emit.reshape(
    indices,
    Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)),
  );
  const spread = emit.op('Expand', [line, emit.shape(g)]);
  return emit.op('ScatterElements', [emit.zerosLike(x), spread, g], {
    axis: BigInt(axis),
    ...(reduction === 'add' ? { reduction } : {}),
  });
}

/** Zeros cut away again; only Pad with a constant. */
function pad({ node, x, g, emit, facts, dims }: Call): string {
  const pads = intsAttr(node, 'pads') ?? Array.from(facts.known(x[1])?.data ?? []);
  const rank = dims(x[0]!).length;
  if (pads.length !== 2 * rank || (stringAttr(node, 'mode') ?? 'constant') !== 'constant')
    throw new ModelError(`gradient: expected constant pads of all axes, found others (${describe(node)})`);
  const ends = pads.slice(rank).map((after) => (after === 0 ? Number.MAX_SAFE_INTEGER : -after));
  return emit.op('Slice', [
    g,
    emit.ints(pads.slice(0, rank)),
    emit.ints(ends),
    emit.ints(pads.slice(0, rank).map((_, i) => i)),
  ]);
}

/** Repeats are summed: each axis d repeated r times is seen as [r, d]. */
function tile({ x: [x = '', repeats = ''], g, emit, dims }: Call): string {
  const pairs = emit.op('Concat', [emit.unsqueeze(repeats, [1]), emit.unsqueeze(emit.shape(x), [1])], { axis: 1n });
  const split = emit.op('Reshape', [g, emit.reshape(pairs, [-1])]);
  return emit.sum(
    split,
    dims(x).map((_, i) => 2 * i),
    false,
  );
}

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
  const kept: readonly Axis[] = to.map((size, i) => (i === axis ? [1, 1, 1] : size));
  const wide =
    from.length === to.length
      ? g
      : from.length === to.length - 1
        ? emit.unsqueeze(g, [axis])
        : reshapeLike(emit, g, from, kept, x);
  const size = emit.op('Squeeze', [emit.size(x, axis)]);
  const positions = emit.op('Range', [emit.scalarInt(0), size, emit.scalarInt(1)]);
  const index = facts.known(indices)?.data[0];
  const flat = emit.cast(emit.reshape(indices, [1]), 7);
  const wanted = index !== undefined && index >= 0 ? emit.ints([index]) : emit.op('Mod', [emit.add(flat, size), size]);
  const mask = emit.unsqueeze(
    emit.op('Equal', [positions, wanted]),
    Array.from({ length: to.length - 1 - axis }, (_, i) => i + 1),
  );
  return emit.op('Where', [mask, wide, emit.scalar(0)]);
}

/** Repeated indices add up. Without ScatterElements' reduction (opset 16) a product with the one-hot matrix sums. */
function gather(call: Call): string {
  const {
    x: [x = '', indices = ''],
    g,
    emit,
    dims,
  } = call;
  const axis = axisOf(call);
  if (dims(indices).every((size) => fixed(size) === 1)) return one(call, axis);
  const flat = emit.reshape(indices, [-1]);
  const rank = dims(x).length;
  const shape = emit.shape(x);
  const part = (start: number, end: number): string => emit.op('Slice', [shape, emit.ints([start]), emit.ints([end])]);
  const lines =
    dims(indices).length === 1
      ? g
      : emit.op('Reshape', [
          g,
          emit.op('Concat', [part(0, axis), emit.ints([-1]), part(axis + 1, rank)], { axis: 0n }),
        ]);
  if (emit.opset >= 16) return scatter(emit, x, flat, lines, axis, rank, 'add');
  const hot = oneHot(call, flat, axis);
  const outer = emit.op(
    'Concat',
    [emit.op('ReduceProd', [part(0, axis)], { keepdims: 1n }), emit.op('Shape', [flat]), emit.ints([-1])],
    { axis: 0n },
  );
  const summed = emit.matmul(hot, emit.op('Reshape', [lines, outer]), { transA: true });
  return emit.op('Reshape', [summed, shape]);
}

function oneHot({ x, emit }: Call, indices: string, axis: number): string {
  const depth = emit.size(x[0]!, axis);
  return emit.op('OneHot', [indices, depth, emit.floats([0, 1])], { axis: -1n });
}

/** As Gather; an axis of which one element is taken has no repeats. */
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
  if (unique || emit.opset >= 16)
    return emit.op('ScatterElements', [emit.zerosLike(x), indices, g], {
      axis: BigInt(axis),
      ...(unique ? {} : { reduction: 'add' }),
    });
  const rank = dims(x).length;
  if (axis !== rank - 1)
    throw new ModelError(`gradient: expected opset 16 or newer, found ${emit.opset} (${describe(node)})`);
  const summed = emit.matmul(emit.unsqueeze(g, [rank - 1]), oneHot(call, indices, axis));
  return emit.reshape(summed, [
    ...dims(x)
      .slice(0, -1)
      .map(() => 0),
    fixed(dims(x).at(-1)) ?? -1,
  ]);
}

export const moveRules: Rules = {
  Reshape: (call) => [() => reshape(call)],
  Flatten: (call) => [() => reshape(call)],
  Squeeze: (call) => [() => reshape(call)],
  Unsqueeze: (call) => [() => reshape(call)],
  Transpose: (call) => [() => transpose(call)],
  Concat: concat,
  Split: (call) => [() => split(call)],
  Slice: (call) => [() => slice(call)],
  Pad: (call) => [() => pad(call)],
  Tile: (call) => [() => tile(call)],
  Gather: (call) => [() => gather(call)],
  GatherElements: (call) => [() => gatherElements(call)],
};
