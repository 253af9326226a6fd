// Rules of functions of one number.
import { dataTypeCode } from '../ir/dtype.ts';
import { floatAttr, stringAttr } from '../ir/node.ts';
import type { Call, Rules } from './rule.ts';

/** sigma'(x) = y (1 - y). */
const sigmoid = ({ y: [y = ''], g, emit }: Call): string => emit.mul(emit.mul(g, y), emit.sub(emit.scalar(1), y));

/** d erf(x) = 2/sqrt(pi) exp(-x^2). */
const erf = ({ x: [x = ''], g, emit }: Call): string =>
  emit.mul(g, emit.scale(emit.op('Exp', [emit.neg(emit.mul(x, x))]), 2 / Math.sqrt(Math.PI)));

/**
 * GELU x Phi(x): the derivative is Phi(x) + x phi(x) = (1 + erf s)/2 + s exp(-s^2)/sqrt(pi), s = x/sqrt 2.
 * Passes over the widest value of a layer count: HardSigmoid is (erf + 1)/2 in one (its clamp to [0, 1] does not touch
 * Phi), and division by exp(s^2), infinity included, saves a change of sign.
 */
function geluErf({ x: [x = ''], g, emit }: Call): string {
  const s = emit.scale(x, Math.SQRT1_2);
  const cdf = emit.op('HardSigmoid', [emit.op('Erf', [s])], { alpha: 0.5, beta: 0.5 });
  const bell = emit.div(s, emit.op('Exp', [emit.mul(s, s)]));
  return emit.mul(g, emit.add(cdf, emit.scale(bell, 1 / Math.sqrt(Math.PI))));
}

/** GELU's tanh form x (1 + tanh u)/2, u = k (x + c x^3): derivative (1 + t)/2 + x (1 - t^2)/2 k (1 + 3 c x^2). */
function geluTanh({ x: [x = ''], g, emit }: Call): string {
  const k = Math.sqrt(2 / Math.PI);
  const square = emit.mul(x, x);
  const u = emit.mul(x, emit.add(emit.scale(square, 0.044715 * k), emit.scalar(k)));
  const t = emit.op('Tanh', [u]);
  const inner = emit.add(emit.scale(square, 1.5 * 0.044715 * k), emit.scalar(k / 2));
  const slope = emit.mul(emit.mul(emit.sub(emit.scalar(1), emit.mul(t, t)), inner), x);
  return emit.mul(g, emit.add(emit.add(emit.scale(t, 0.5), emit.scalar(0.5)), slope));
}

/** x s with s = sigmoid(a x): derivative s + a x s (1 - s) = s (1 + a (x - y)). */
function quickGelu({ node, x: [x = ''], y: [y = ''], g, emit }: Call): string {
  const alpha = floatAttr(node, 'alpha') ?? 1.702;
  const s = emit.op('Sigmoid', [emit.scale(x, alpha)]);
  return emit.mul(emit.mul(g, s), emit.add(emit.scale(emit.sub(x, y), alpha), emit.scalar(1)));
}

/** Nothing where the input was clipped. */
function clip({ x: [x = '', low = '', high = ''], node, g, emit }: Call): string {
  const bounds = [low === '' ? floatAttr(node, 'min') : low, high === '' ? floatAttr(node, 'max') : high].map((bound) =>
    typeof bound === 'number' ? emit.scalar(bound) : bound,
  );
  const outside = ['Less', 'Greater'].flatMap((op, i) => {
    const bound = bounds[i];
    return bound === undefined ? [] : [emit.op(op, [x, bound])];
  });
  return outside.reduce((grad, mask) => emit.op('Where', [mask, emit.scalar(0), grad]), g);
}

function cast({ x: [x = ''], y: [y = ''], g, emit, facts }: Call): string {
  const [from, to] = [facts.dtype(x), facts.dtype(y)];
  return from === undefined || from === to ? g : emit.cast(g, dataTypeCode(from));
}

export const activationRules: Rules = {
  Identity: ({ g }) => [() => g],
  // inference: the identity
  Dropout: ({ g }) => [() => g],
  Cast: (call) => [() => cast(call)],
  // of the second only the type is read
  CastLike: (call) => [() => cast(call), undefined],
  Neg: ({ g, emit }) => [() => emit.neg(g)],
  Abs: ({ x: [x = ''], g, emit }) => [() => emit.mul(g, emit.op('Sign', [x]))],
  Sqrt: ({ y: [y = ''], g, emit }) => [() => emit.div(emit.scale(g, 0.5), y)],
  Reciprocal: ({ y: [y = ''], g, emit }) => [() => emit.neg(emit.mul(g, emit.mul(y, y)))],
  Exp: ({ y: [y = ''], g, emit }) => [() => emit.mul(g, y)],
  Log: ({ x: [x = ''], g, emit }) => [() => emit.div(g, x)],
  Sin: ({ x: [x = ''], g, emit }) => [() => emit.mul(g, emit.op('Cos', [x]))],
  Cos: ({ x: [x = ''], g, emit }) => [() => emit.neg(emit.mul(g, emit.op('Sin', [x])))],
  Erf: (call) => [() => erf(call)],
  Tanh: ({ y: [y = ''], g, emit }) => [() => emit.mul(g, emit.sub(emit.scalar(1), emit.mul(y, y)))],
  Sigmoid: (call) => [() => sigmoid(call)],
  Softplus: ({ x: [x = ''], g, emit }) => [() => emit.mul(g, emit.op('Sigmoid', [x]))],
  Relu: ({ y: [y = ''], g, emit }) => [
    () => emit.op('Where', [emit.op('Greater', [y, emit.scalar(0)]), g, emit.scalar(0)]),
  ],
  LeakyRelu: ({ x: [x = ''], node, g, emit }) => [
    () =>
      emit.op('Where', [emit.op('Greater', [x, emit.scalar(0)]), g, emit.scale(g, floatAttr(node, 'alpha') ?? 0.01)]),
  ],
  Gelu: (call) => [() => (stringAttr(call.node, 'approximate') === 'tanh' ? geluTanh(call) : geluErf(call))],
  'com.microsoft::Gelu': (call) => [() => geluErf(call)],
  'com.microsoft::FastGelu': (call) => [() => geluTanh(call)],
  'com.microsoft::QuickGelu': (call) => [() => quickGelu(call)],
  Clip: (call) => [() => clip(call)],
};
