// Value rules of elementwise operators, reductions and generators, for the small arrays that shapes and masks are made of.
import type { DataType } from '../dtype.ts';
import { dataTypeOf } from '../dtype.ts';
import { elementCount } from '../tensor.ts';
import type { Node } from '../graph.ts';
import { intAttr, tensorAttr } from '../node.ts';
import { elementwise, strided, stridesOf } from './arrays.ts';
import { known, knownTensor, type Known } from './known.ts';
import { axisOf, integers, type Trace, type ValueRule } from './rule.ts';

type Fn = (...args: number[]) => number;

const truth = (value: boolean): number => (value ? 1 : 0);
const isInteger = (dtype: DataType): boolean => dtype.includes('int');

/** All inputs known, or undefined. */
export function inputsOf(node: Node, trace: Trace, count = node.inputs.length): Known[] | undefined {
  const out: Known[] = [];
  for (const input of node.inputs.slice(0, count)) {
    const value = trace.known(input);
    if (!value) return undefined;
    out.push(value);
  }
  return out;
}

/** Elementwise rule; the result has the type of input `typed`, or `dtype`. */
function each(fn: Fn, dtype?: DataType, typed = 0): ValueRule {
  return (node, trace) => {
    const inputs = inputsOf(node, trace);
    const out = inputs?.[typed] && elementwise(inputs, dtype ?? inputs[typed].dtype, fn);
    return out && [out];
  };
}

const divide: ValueRule = (node, trace) => {
  const inputs = inputsOf(node, trace);
  if (!inputs?.[0]) return undefined;
  const whole = isInteger(inputs[0].dtype);
  return [elementwise(inputs, inputs[0].dtype, (a, b) => (whole ? Math.trunc(a! / b!) : a! / b!))];
};

const modulo: ValueRule = (node, trace) => {
  const inputs = inputsOf(node, trace);
  const fmod = intAttr(node, 'fmod') === 1;
  return (
    inputs?.[0] && [elementwise(inputs, inputs[0].dtype, (a, b) => (fmod ? a! % b! : a! - b! * Math.floor(a! / b!)))]
  );
};

function cast(value: Known, to: DataType | undefined): Known | undefined {
  if (to === undefined) return undefined;
  if (to === 'bool') return elementwise([value], to, (x) => truth(x !== 0));
  if (isInteger(to)) return elementwise([value], to, (x) => Math.trunc(x!));
  return known(to, value.shape, value.data);
}

const dequantize: ValueRule = (node, trace) => {
  const inputs = inputsOf(node, trace);
  if (!inputs?.[1] || inputs[1].data.length !== 1) return undefined;
  return [elementwise(inputs, inputs[1].dtype, (x, scale, zero = 0) => (x! - zero) * scale!)];
};

/** Ranges of quantized types; saturation matters where a mask is quantized. */
const quantize: ValueRule = (node, trace) => {
  const inputs = inputsOf(node, trace);
  if (!inputs?.[1] || inputs[1].data.length !== 1) return undefined;
  const dtype = inputs[2]?.dtype ?? 'uint8';
  const [low, high] =
    dtype === 'int8' ? [-128, 127] : dtype === 'int16' ? [-32768, 32767] : dtype === 'uint16' ? [0, 65535] : [0, 255];
  return [
    elementwise(inputs, dtype, (x, scale, zero = 0) => Math.min(Math.max(Math.round(x! / scale!) + zero, low!), high!)),
  ];
};

/** Reduce over `axes` with an accumulator. */
function reduceBy(
  start: number,
  step: (sum: number, x: number) => number,
  finish: (sum: number, count: number) => number,
): ValueRule {
  return (node, trace) => {
    const x = trace.known(node.inputs[0]);
    const given = integers(node, trace, 'axes', 1);
    if (!x || (!given && node.inputs[1])) return undefined;
    const axes = (given ?? x.shape.map((_, i) => i)).map((axis) => axisOf(axis, x.shape.length));
    const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const order = [...kept, ...axes];
    const strides = stridesOf(x.shape);
    const moved = strided(
      x,
      order.map((i) => x.shape[i]!),
      0,
      order.map((i) => strides[i]!),
    ).data;
    const count = elementCount(axes.map((axis) => x.shape[axis]!));
    const data = Array.from({ length: count ? x.data.length / count : 0 }, (_, o) => {
      let sum = start;
      for (let i = 0; i < count; i++) sum = step(sum, moved[o * count + i]!);
      return finish(sum, count);
    });
    const keep = intAttr(node, 'keepdims') ?? 1;
    const shape = keep ? x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) : kept.map((i) => x.shape[i]!);
    return [known(x.dtype, shape, data)];
  };
}

const cumSum: ValueRule = (node, trace) => {
  const x = trace.known(node.inputs[0]);
  const at = trace.known(node.inputs[1])?.data[0];
  if (!x || at === undefined || intAttr(node, 'reverse') === 1) return undefined;
  const stride = stridesOf(x.shape)[axisOf(at, x.shape.length)] ?? 1;
  const dim = x.shape[axisOf(at, x.shape.length)] ?? 1;
  const exclusive = intAttr(node, 'exclusive') === 1;
  const data = Float64Array.from(x.data);
  for (let i = 0; i < data.length; i++) if (Math.floor(i / stride) % dim > 0) data[i]! += data[i - stride]!;
  return [known(x.dtype, x.shape, exclusive ? data.map((sum, i) => sum - x.data[i]!) : data)];
};

const range: ValueRule = (node, trace) => {
  const [start, , delta] = node.inputs.map((input) => trace.known(input));
  const length = trace.dims(node.outputs[0])?.[0];
  if (!start || !delta || length === undefined) return undefined;
  return [
    known(
      start.dtype,
      [length],
      Array.from({ length }, (_, i) => start.data[0]! + i * delta.data[0]!),
    ),
  ];
};

const filled: ValueRule = (node, trace) => {
  const shape = trace.dims(node.outputs[0]);
  const tensor = tensorAttr(node, 'value');
  const value = tensor ? knownTensor(tensor) : known('float32', [1], [0]);
  if (!shape || shape.includes(undefined) || !value) return undefined;
  return [
    known(value.dtype, shape as number[], new Float64Array(elementCount(shape as number[])).fill(value.data[0]!)),
  ];
};

/** Lower (upper = 0) or upper triangle. */
const trilu: ValueRule = (node, trace) => {
  const x = trace.known(node.inputs[0]);
  const k = node.inputs[1] ? trace.known(node.inputs[1])?.data[0] : 0;
  if (!x || k === undefined) return undefined;
  const [rows, columns] = [x.shape.at(-2)!, x.shape.at(-1)!];
  const upper = (intAttr(node, 'upper') ?? 1) === 1;
  const keep = (i: number): boolean => {
    const distance = (i % columns) - (Math.floor(i / columns) % rows);
    return upper ? distance >= k : distance <= k;
  };
  return [
    known(
      x.dtype,
      x.shape,
      Array.from(x.data, (value, i) => (keep(i) ? value : 0)),
    ),
  ];
};

/** Value rules by operator of the standard domain. */
export const mathValues: Readonly<Record<string, ValueRule>> = {
  Add: each((a, b) => a! + b!),
  Sub: each((a, b) => a! - b!),
  Mul: each((a, b) => a! * b!),
  Div: divide,
  Mod: modulo,
  Pow: each((a, b) => a! ** b!),
  Neg: each((a) => -a!),
  Abs: each((a) => Math.abs(a!)),
  Sign: each((a) => Math.sign(a!)),
  Sqrt: each((a) => Math.sqrt(a!)),
  Reciprocal: each((a) => 1 / a!),
  Log: each((a) => Math.log(a!)),
  Exp: each((a) => Math.exp(a!)),
  Floor: each((a) => Math.floor(a!)),
  Ceil: each((a) => Math.ceil(a!)),
  Round: each((a) => Math.round(a!)),
  Min: each((...args) => Math.min(...args)),
  Max: each((...args) => Math.max(...args)),
  Sum: each((...args) => args.reduce((sum, x) => sum + x, 0)),
  Equal: each((a, b) => truth(a === b), 'bool'),
  Greater: each((a, b) => truth(a! > b!), 'bool'),
  GreaterOrEqual: each((a, b) => truth(a! >= b!), 'bool'),
  Less: each((a, b) => truth(a! < b!), 'bool'),
  LessOrEqual: each((a, b) => truth(a! <= b!), 'bool'),
  And: each((a, b) => truth(a !== 0 && b !== 0), 'bool'),
  Or: each((a, b) => truth(a !== 0 || b !== 0), 'bool'),
  Xor: each((a, b) => truth((a !== 0) !== (b !== 0)), 'bool'),
  Not: each((a) => truth(a === 0), 'bool'),
  IsNaN: each((a) => truth(Number.isNaN(a)), 'bool'),
  IsInf: each((a) => truth(a === Infinity || a === -Infinity), 'bool'),
  Where: each((condition, a, b) => (condition ? a! : b!), undefined, 1),
  Clip: (node, trace) => {
    const x = trace.known(node.inputs[0]);
    const low = node.inputs[1] ? trace.known(node.inputs[1])?.data[0] : -Infinity;
    const high = node.inputs[2] ? trace.known(node.inputs[2])?.data[0] : Infinity;
    return x && low !== undefined && high !== undefined
      ? [elementwise([x], x.dtype, (v) => Math.min(Math.max(v!, low), high))]
      : undefined;
  },
  Cast: (node, trace) => {
    const x = trace.known(node.inputs[0]);
    return x && [cast(x, dataTypeOf(intAttr(node, 'to') ?? 0))];
  },
  CastLike: (node, trace) => {
    const x = trace.known(node.inputs[0]);
    return x && [cast(x, trace.dtype(node.inputs[1]))];
  },
  DequantizeLinear: dequantize,
  QuantizeLinear: quantize,
  ReduceSum: reduceBy(
    0,
    (sum, x) => sum + x,
    (sum) => sum,
  ),
  ReduceMean: reduceBy(
    0,
    (sum, x) => sum + x,
    (sum, count) => sum / count,
  ),
  ReduceProd: reduceBy(
    1,
    (sum, x) => sum * x,
    (sum) => sum,
  ),
  ReduceMax: reduceBy(
    -Infinity,
    (sum, x) => Math.max(sum, x),
    (sum) => sum,
  ),
  ReduceMin: reduceBy(
    Infinity,
    (sum, x) => Math.min(sum, x),
    (sum) => sum,
  ),
  CumSum: cumSum,
  Range: range,
  ConstantOfShape: filled,
  Trilu: trilu,
  Size: (node, trace) => {
    const shape = trace.dims(node.inputs[0]);
    return shape && !shape.includes(undefined) ? [known('int64', [], [elementCount(shape as number[])])] : undefined;
  },
  Shape: (node, trace) => {
    const shape = trace.dims(node.inputs[0]);
    const part = shape?.slice(intAttr(node, 'start') ?? 0, intAttr(node, 'end'));
    return part && !part.includes(undefined) ? [known('int64', [part.length], part as number[])] : undefined;
  },
};
