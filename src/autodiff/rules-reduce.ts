// Rules of sums over axes, Softmax and LayerNormalization.
import { ModelError } from '../errors.ts';
import { floats } from '../ir/tensor.ts';
import { floatAttr, intAttr, intsAttr } from '../ir/node.ts';
import { describe } from '../ir/verify.ts';
import { fixed } from './facts.ts';
import type { Call, InputGradient, Rules } from './rule.ts';

/** Axes a reduction sums, counted from the front. */
function reducedAxes({ node, x, facts, dims }: Call): number[] {
  const rank = dims(x[0]!).length;
  const given = intsAttr(node, 'axes') ?? (x[1] ? Array.from(facts.known(x[1])?.data ?? []) : []);
  if (x[1] && given.length === 0 && facts.known(x[1]) === undefined)
    throw new ModelError(`gradient: expected constant axes, found '${x[1]}' (${describe(node)})`);
  const axes =
    given.length > 0 || intAttr(node, 'noop_with_empty_axes') === 1 ? given : Array.from({ length: rank }, (_, i) => i);
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** A gradient of the reduced shape with its axes back, of size 1. */
function widened(call: Call, value: string): string {
  const keep = (intAttr(call.node, 'keepdims') ?? 1) === 1;
  return keep
    ? value
    : call.emit.unsqueeze(
        value,
        reducedAxes(call).toSorted((a, b) => a - b),
      );
}

function repeated(call: Call, value: string): string {
  return call.emit.op('Expand', [widened(call, value), call.emit.shape(call.x[0]!)]);
}

/** Gradient of a mean: an equal share to each of the n summed. */
function mean(call: Call): string {
  const {
    x: [x = ''],
    g,
    emit,
    dims,
  } = call;
  const axes = reducedAxes(call);
  const sizes = axes.map((axis) => fixed(dims(x)[axis]));
  if (!sizes.includes(undefined))
    return repeated(call, emit.scale(g, 1 / sizes.reduce<number>((n, size) => n * size!, 1)));
  const counted = emit.op('Gather', [emit.shape(x), emit.ints(axes)]);
  const count = emit.cast(emit.op('ReduceProd', [counted], { keepdims: 0n }), 1);
  return repeated(call, emit.div(g, count));
}

/** d |x|_2 = x / |x|_2. */
function norm(call: Call): string {
  const {
    x: [x = ''],
    y: [y = ''],
    g,
    emit,
  } = call;
  return emit.mul(x, widened(call, emit.div(g, y)));
}

/** Axis of Softmax; before opset 13 all axes from it on are one, which is the same only for the last. */
function softmaxAxis({ node, x, emit, dims }: Call): number {
  const rank = dims(x[0]!).length;
  const given = intAttr(node, 'axis') ?? (emit.opset < 13 ? 1 : -1);
  const axis = given < 0 ? given + rank : given;
  if (emit.opset < 13 && axis !== rank - 1)
    throw new ModelError(`gradient: expected a softmax over the last axis, found axis ${given} (${describe(node)})`);
  return axis;
}

/** dx = y (g - sum g y). */
function softmax(call: Call): string {
  const {
    y: [y = ''],
    g,
    emit,
  } = call;
  return emit.mul(y, emit.sub(g, emit.sum(emit.mul(g, y), [softmaxAxis(call)], true)));
}

/** dx = g - softmax(x) sum g. */
function logSoftmax(call: Call): string {
  const {
    y: [y = ''],
    g,
    emit,
  } = call;
  return emit.sub(g, emit.mul(emit.op('Exp', [y]), emit.sum(g, [softmaxAxis(call)], true)));
}

/**
 * y = xhat scale + bias with xhat = (x - mean) inv:
 * dx = inv (v - mean v - xhat mean(v xhat)), v = g scale; dscale = sum g xhat; dbias = sum g.
 * xhat and inv are computed once more, in one pass, so that the forward graph stays as it is.
 */
function layerNorm(call: Call): InputGradient[] {
  const {
    node,
    x: [x = '', scale = ''],
    g,
    emit,
    dims,
  } = call;
  const rank = dims(x).length;
  const axis = intAttr(node, 'axis') ?? -1;
  const first = axis < 0 ? axis + rank : axis;
  const width = fixed(dims(x).at(-1));
  if (first !== rank - 1 || width === undefined)
    throw new ModelError(
      `gradient: expected a LayerNormalization over the last axis, found axis ${axis} (${describe(node)})`,
    );
  const normed = (): string[] => {
    const ones = emit.constant(`ones ${width}`, () => floats([width], new Float32Array(width).fill(1)));
    return emit.ops('LayerNormalization', [x, ones], 3, { axis: -1n, epsilon: floatAttr(node, 'epsilon') ?? 1e-5 });
  };
  const tokens = Array.from({ length: rank - 1 }, (_, i) => i);
  return [
    () => {
      const [hat = '', , inv = ''] = normed();
      const v = emit.mul(g, scale);
      const along = emit.mean(emit.mul(v, hat), [rank - 1]);
      return emit.mul(inv, emit.sub(emit.sub(v, emit.mean(v, [rank - 1])), emit.mul(hat, along)));
    },
    () => emit.sum(emit.mul(g, normed()[0]!), tokens, false),
    () => emit.sum(g, tokens, false),
  ];
}

/** y = xhat scale with xhat = x inv, inv = 1/sqrt(mean x^2 + eps): dx = inv (v - xhat mean(v xhat)), v = g scale. */
function rmsNorm({ node, x: [x = '', scale = ''], g, emit, dims }: Call): InputGradient[] {
  const last = dims(x).length - 1;
  const axis = intAttr(node, 'axis') ?? -1;
  if (axis !== -1 && axis !== last)
    throw new ModelError(`gradient: expected a norm over the last axis, found axis ${axis} (${describe(node)})`);
  const epsilon = emit.scalar(floatAttr(node, 'epsilon') ?? 1e-5);
  const inverse = (): string =>
    emit.op('Reciprocal', [emit.op('Sqrt', [emit.add(emit.mean(emit.mul(x, x), [last]), epsilon)])]);
  const hat = (): string => emit.mul(x, inverse());
  return [
    () => {
      const v = emit.mul(g, scale);
      return emit.mul(inverse(), emit.sub(v, emit.mul(hat(), emit.mean(emit.mul(v, hat()), [last]))));
    },
    () =>
      emit.sum(
        emit.mul(g, hat()),
        Array.from({ length: last }, (_, i) => i),
        false,
      ),
  ];
}

export const reduceRules: Rules = {
  ReduceSum: (call) => [() => repeated(call, call.g)],
  ReduceMean: (call) => [() => mean(call)],
  ReduceL2: (call) => [() => norm(call)],
  Softmax: (call) => [() => softmax(call)],
  LogSoftmax: (call) => [() => logSoftmax(call)],
  LayerNormalization: layerNorm,
  RMSNormalization: rmsNorm,
  SimplifiedLayerNormalization: rmsNorm,
};
