// Element type of every value of a graph, from the operators' type rules (ONNX operator specifications, "Type Constraints").
import { constantTensor } from './constants.ts';
import { dataTypeOf, type DataType } from './dtype.ts';
import type { Graph, Node } from './graph.ts';
import { intAttr, isStandard, tensorAttr } from './node.ts';
import { subgraphsOf } from './uses.ts';

export type ElementTypes = ReadonlyMap<string, DataType>;

/** Types by value name; a value whose type no rule and no annotation tells is absent. `outer` are the types around a subgraph. */
export function elementTypes(graph: Graph, outer: ElementTypes = new Map()): Map<string, DataType> {
  const types = new Map(outer);
  for (const info of [...graph.values, ...graph.inputs]) if (info.dtype) types.set(info.name, info.dtype);
  for (const [name, tensor] of graph.initializers) types.set(name, tensor.dtype);
  for (const node of graph.nodes) {
    node.outputs.forEach((output, i) => {
      const type = output === '' ? undefined : outputType(node, i, types);
      if (type) types.set(output, type);
    });
  }
  for (const info of graph.outputs) if (info.dtype && !types.has(info.name)) types.set(info.name, info.dtype);
  return types;
}

const integerResults = new Set(['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin']);
const booleanResults = new Set([
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'And',
  'Or',
  'Not',
  'Xor',
  'IsNaN',
  'IsInf',
]);
/** Operators whose result has the type of an input other than the first. */
const typeFrom: Readonly<Record<string, number>> = { Where: 1, CastLike: 1, OneHot: 2, DequantizeLinear: 1 };

/** Element type of output `index` of a node, from the types of the values before it; undefined where no rule tells. */
export function outputType(node: Node, index: number, types: ElementTypes): DataType | undefined {
  const of = (i: number): DataType | undefined => types.get(node.inputs[i] ?? '');
  const first = node.inputs.find((input) => types.has(input));
  if (!isStandard(node)) return fusedType(node, index, types, of);
  if (integerResults.has(node.op)) return 'int64';
  if (booleanResults.has(node.op)) return 'bool';
  const from = typeFrom[node.op];
  if (from !== undefined) return of(from);
  switch (node.op) {
    case 'Cast':
      return dataTypeOf(intAttr(node, 'to') ?? 0);
    case 'Constant':
      return constantTensor(node)?.dtype;
    case 'ConstantOfShape':
      return tensorAttr(node, 'value')?.dtype ?? 'float32';
    case 'LayerNormalization':
      // onnxruntime's form before opset 17 takes float16 data with float32 weights: the result has the weights' type
      return index === 0 ? of(1) : 'float32';
    case 'TopK':
      return index === 1 ? 'int64' : of(0);
    case 'Dropout':
      return index === 1 ? 'bool' : of(0);
    case 'MatMulInteger':
    case 'ConvInteger':
      return 'int32';
    case 'DynamicQuantizeLinear':
      return index === 1 ? 'float32' : 'uint8';
    case 'QuantizeLinear':
      return of(2) ?? 'uint8';
    case 'QLinearMatMul':
    case 'QLinearConv':
      return of(7) ?? 'uint8';
    case 'EyeLike':
    case 'RandomNormal':
    case 'RandomUniform':
    case 'RandomNormalLike':
    case 'RandomUniformLike':
    case 'Multinomial':
    case 'Bernoulli':
      return dataTypeOf(intAttr(node, 'dtype') ?? 1);
    case 'If':
    case 'Loop':
    case 'Scan':
      return types.get(node.outputs[index] ?? '') ?? branchType(node, index, types);
    default:
      return first === undefined ? undefined : types.get(first);
  }
}

function fusedType(
  node: Node,
  index: number,
  types: ElementTypes,
  of: (i: number) => DataType | undefined,
): DataType | undefined {
  const annotated = types.get(node.outputs[index] ?? '');
  if (annotated || node.domain !== 'com.microsoft') return annotated;
  if (node.op === 'EmbedLayerNormalization') return index === 1 ? 'int32' : of(2);
  if (node.op === 'DynamicQuantizeMatMul' || node.op === 'MatMulIntegerToFloat') return 'float32';
  return of(0);
}

/** Type of a control-flow node's output: that of its first body's output (Loop's and Scan's bodies put their conditions first). */
function branchType(node: Node, index: number, types: ElementTypes): DataType | undefined {
  const body = subgraphsOf(node)[0];
  const output = body?.outputs[index + (node.op === 'Loop' ? 1 : 0)];
  return output && (output.dtype ?? elementTypes(body, types).get(output.name));
}
