// A trial run on paper: shapes of all values at assumed input sizes, and the numbers of those that shapes and masks are made of.
import { constantTensor } from '../constants.ts';
import { dataTypeOf, isFloat, type DataType } from '../dtype.ts';
import type { Dim, Graph, Node, ValueInfo } from '../graph.ts';
import { intAttr, isStandard, tensorAttr } from '../node.ts';
import { sortNodes } from '../sort.ts';
import { elementCount } from '../tensor.ts';
import type { Uses } from '../uses.ts';
import { broadcastDims } from './arrays.ts';
import { known, knownTensor, largestKnown, type Dims, type Known } from './known.ts';
import type { ShapeRule, Trace, ValueRule } from './rule.ts';
import { computeShapes } from './shapes-compute.ts';
import { attentionShape, fusedShape } from './shapes-fused.ts';
import { moveShapes } from './shapes-move.ts';
import { mathValues } from './values-math.ts';
import { moveValues } from './values-move.ts';

export type { Dims, Known } from './known.ts';
export type { Trace } from './rule.ts';

/** Input sizes and contents the trial run assumes. */
export interface Assumed {
  readonly batch: number;
  readonly sequence: number;
  /** What an input holds everywhere; default 1. */
  readonly fill?: (input: string) => number;
}

/** Sizes that no model uses for anything else, so that a dimension says what it is. */
export const trial: Assumed = { batch: 3, sequence: 11 };

const values: Readonly<Record<string, ValueRule>> = { ...mathValues, ...moveValues };
const shapes: Readonly<Record<string, ShapeRule>> = { ...computeShapes, ...moveShapes, Attention: attentionShape };
/** Chains of values longer than this are not followed: no shape arithmetic is as deep, and the stack is finite. */
const deepest = 400;
/** Tensors of more axes than this are mistakes. */
const mostAxes = 64;

/** Trace a graph. Operators without a rule cost only their own outputs, which the exporter's value_info may still describe. */
export function traceGraph(graph: Graph, uses: Uses, assumed: Assumed = trial): Trace {
  const symbols = new Map<string, number>();
  const dims = new Map<string, Dims>();
  const dtypes = new Map<string, DataType>();
  const memo = new Map<string, Known | undefined>();
  let depth = 0;

  const trace: Trace = {
    dims: (value) => (value ? dims.get(value) : undefined),
    dtype: (value) => (value ? dtypes.get(value) : undefined),
    known(value) {
      if (!value) return undefined;
      if (memo.has(value)) return memo.get(value);
      if (depth > deepest) return undefined;
      depth++;
      const found = evaluate(value);
      depth--;
      memo.set(value, found);
      return found;
    },
  };

  const evaluate = (value: string): Known | undefined => {
    const tensor = graph.initializers.get(value);
    if (tensor) return knownTensor(tensor);
    const node = uses.producer.get(value);
    if (!node) return inputValue(value);
    if (!isStandard(node)) return undefined;
    if (node.op === 'Constant') {
      const made = constantTensor(node);
      return made && knownTensor(made);
    }
    const shape = dims.get(value);
    // no array is made before its size is known to be small
    if (!shape || shape.includes(undefined) || elementCount(shape as number[]) > largestKnown) return undefined;
    const out = valuesOf(node, trace);
    node.outputs.forEach((output, i) => output !== value && out?.[i] && memo.set(output, out[i]));
    return out?.[node.outputs.indexOf(value)];
  };

  const inputValue = (value: string): Known | undefined => {
    const shape = dims.get(value);
    if (!shape || shape.includes(undefined) || elementCount(shape as number[]) > largestKnown) return undefined;
    const fill = assumed.fill?.(value) ?? 1;
    return known(
      dtypes.get(value) ?? 'int64',
      shape as number[],
      new Float64Array(elementCount(shape as number[])).fill(fill),
    );
  };

  for (const [name, tensor] of graph.initializers) {
    dims.set(name, tensor.shape);
    dtypes.set(name, tensor.dtype);
  }
  for (const input of graph.inputs) {
    if (graph.initializers.has(input.name)) continue;
    const shape = inputDims(input, assumed, symbols);
    if (shape) dims.set(input.name, shape);
    if (input.dtype) dtypes.set(input.name, input.dtype);
  }
  const written = new Map([...graph.values, ...graph.outputs].map((info) => [info.name, info]));
  const outside = new Set([
    ...graph.inputs.map((input) => input.name),
    ...graph.initializers.keys(),
    ...graph.sparse.keys(),
  ]);
  for (const node of sortNodes(graph.nodes, outside).nodes) {
    const out = nodeDims(node, trace);
    node.outputs.forEach((output, i) => {
      if (output === '') return;
      const info = written.get(output);
      const shape = mergeDims(saneDims(out?.[i]), info?.shape, symbols);
      if (shape) dims.set(output, shape);
      const dtype = info?.dtype ?? nodeDtype(node, i, trace);
      if (dtype) dtypes.set(output, dtype);
    });
  }
  return trace;
}

/** Operands that do not fit together (a shape that cannot be, an axis that is not there) make no value; such a file fails elsewhere. */
function valuesOf(node: Node, trace: Trace): readonly (Known | undefined)[] | undefined {
  try {
    return values[node.op]?.(node, trace);
  } catch {
    return undefined;
  }
}

/** Dimensions as they can be: a rule led astray by operands that do not fit gives unknown ones. */
function saneDims(dims: Dims | undefined): Dims | undefined {
  if (!dims || dims.length > mostAxes) return undefined;
  return dims.map((dim) => (dim !== undefined && Number.isSafeInteger(dim) && dim >= 0 ? dim : undefined));
}

/** Named and unknown dimensions: the first of an input is the batch, the others the sequence. One name is one size. */
function inputDims(input: ValueInfo, assumed: Assumed, symbols: Map<string, number>): Dims | undefined {
  return input.shape?.map((dim, i) => {
    if (typeof dim === 'number' && dim > 0) return dim;
    const size =
      (typeof dim === 'string' ? symbols.get(dim) : undefined) ?? (i === 0 ? assumed.batch : assumed.sequence);
    if (typeof dim === 'string') symbols.set(dim, size);
    return size;
  });
}

/** What a rule found, its gaps filled from the file's value_info. */
function mergeDims(
  found: Dims | undefined,
  info: readonly Dim[] | undefined,
  symbols: Map<string, number>,
): Dims | undefined {
  const written = info?.map((dim) =>
    typeof dim === 'string' ? symbols.get(dim) : dim === null || dim < 0 ? undefined : dim,
  );
  if (!found) return written;
  return written?.length === found.length ? found.map((dim, i) => dim ?? written[i]) : found;
}

function nodeDims(node: Node, trace: Trace): readonly (Dims | undefined)[] | undefined {
  if (node.op === 'Constant' && isStandard(node)) return [constantTensor(node)?.shape];
  const rule = isStandard(node) ? shapes[node.op] : fusedShape(node.op);
  if (rule) return rule(node, trace);
  if (elementwiseOps.has(node.op))
    return [broadcastDims(node.inputs.filter((input) => input !== '').map((input) => trace.dims(input)))];
  return sameShapeOps.has(node.op) ? [trace.dims(node.inputs[0])] : undefined;
}

/** Operators whose inputs broadcast. */
const elementwiseOps = new Set(
  'Add Sub Mul Div Mod Pow Min Max Sum Mean Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor BitShift PRelu BiasGelu BiasAdd'.split(
    ' ',
  ),
);

/** Operators whose first output has their first input's shape. */
const sameShapeOps = new Set(
  (
    'Abs Neg Sign Sqrt Reciprocal Log Exp Floor Ceil Round Not IsNaN IsInf Identity Cast CastLike Clip CumSum Trilu Dropout Softmax LogSoftmax ' +
    'Erf Tanh Sigmoid Relu LeakyRelu Elu Selu Celu Gelu Swish Mish HardSigmoid HardSwish Softplus Softsign Sin Cos ThresholdedRelu ScatterND ' +
    'ScatterElements LayerNormalization RMSNormalization BatchNormalization InstanceNormalization GroupNormalization LpNormalization ' +
    'QuantizeLinear DequantizeLinear SimplifiedLayerNormalization FastGelu QuickGelu BiasFastGelu RotaryEmbedding ' +
    'QLinearAdd QLinearMul QLinearSigmoid QLinearSoftmax QLinearLeakyRelu QuantizeBFP'
  ).split(' '),
);

function nodeDtype(node: Node, output: number, trace: Trace): DataType | undefined {
  const first = trace.dtype(node.inputs[0]);
  switch (node.op) {
    case 'Constant':
      return constantTensor(node)?.dtype;
    case 'Cast':
      return dataTypeOf(intAttr(node, 'to') ?? 0);
    case 'CastLike':
    case 'Where':
    case 'DequantizeLinear':
      return trace.dtype(node.inputs[1]);
    case 'QuantizeLinear':
      return trace.dtype(node.inputs[2]) ?? 'uint8';
    case 'DynamicQuantizeLinear':
      return output === 1 ? 'float32' : 'uint8';
    case 'MatMulInteger':
    case 'ConvInteger':
      return 'int32';
    case 'ConstantOfShape':
      return tensorAttr(node, 'value')?.dtype ?? 'float32';
    case 'EmbedLayerNormalization':
    case 'OneHot':
      return trace.dtype(node.inputs[2]);
    case 'Shape':
    case 'Size':
    case 'NonZero':
    case 'ArgMax':
    case 'ArgMin':
      return 'int64';
    default:
      return boolOps.has(node.op)
        ? 'bool'
        : isFloat(first) || !node.inputs[1]
          ? first
          : (first ?? trace.dtype(node.inputs[1]));
  }
}

const boolOps = new Set('Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not IsNaN IsInf'.split(' '));
