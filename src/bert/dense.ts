// Dense layers: every product of token data with a constant weight, in all forms that exporters and quantizers write.
import type { Graph, Node } from '../ir/graph.ts';
import { intAttr, stringAttr } from '../ir/node.ts';
import { elementCount } from '../ir/tensor.ts';
import type { Uses } from '../ir/uses.ts';
import { biasAfter } from './dense-bias.ts';
import { weightBehind } from './scene.ts';
import type { Stream } from './stream.ts';
import type { Dense, DenseOp, Weight } from './types.ts';

/** Where an operator has its operands: data, weight, bias. */
interface Form {
  readonly data: number;
  readonly weight: number;
  readonly bias?: number;
  readonly quantized?: Dense['quantized'];
}

const forms: Readonly<Record<DenseOp, Form>> = {
  MatMul: { data: 0, weight: 1 },
  Gemm: { data: 0, weight: 1, bias: 2 },
  Conv: { data: 0, weight: 1, bias: 2 },
  Einsum: { data: 0, weight: 1 },
  FusedMatMul: { data: 0, weight: 1 },
  FusedGemm: { data: 0, weight: 1, bias: 2 },
  FusedConv: { data: 0, weight: 1, bias: 2 },
  GemmFastGelu: { data: 0, weight: 1, bias: 2 },
  MatMulInteger: { data: 0, weight: 1, quantized: 'dynamic' },
  ConvInteger: { data: 0, weight: 1, quantized: 'dynamic' },
  QLinearMatMul: { data: 0, weight: 3, quantized: 'static' },
  QLinearConv: { data: 0, weight: 3, bias: 8, quantized: 'static' },
  QGemm: { data: 0, weight: 3, bias: 6, quantized: 'static' },
  DynamicQuantizeMatMul: { data: 0, weight: 1, bias: 4, quantized: 'dynamic' },
  MatMulIntegerToFloat: { data: 0, weight: 1, bias: 6, quantized: 'dynamic' },
  MatMulNBits: { data: 0, weight: 1, bias: 5, quantized: 'weight-only' },
  MatMulBnb4: { data: 0, weight: 1, quantized: 'weight-only' },
  Attention: { data: 0, weight: 1, bias: 2 },
  QAttention: { data: 0, weight: 1, bias: 2, quantized: 'static' },
};

function isDenseOp(op: string): op is DenseOp {
  return op in forms;
}

/** Dense layers by node, in topological order. */
export function findDenses(graph: Graph, uses: Uses, stream: Stream): Map<Node, Dense> {
  const found = new Map<Node, Dense>();
  for (const node of stream.nodes) {
    const dense = denseOf(graph, uses, stream, node);
    if (dense) found.set(node, dense);
  }
  return found;
}

function denseOf(graph: Graph, uses: Uses, stream: Stream, node: Node): Dense | undefined {
  if (!isDenseOp(node.op) || (node.op === 'Attention' && node.domain === '')) return undefined;
  const form = forms[node.op];
  // some exporters multiply from the left, and TensorFlow's Einsum may have the weight first
  const swapped = node.op === 'Einsum' && stream.live(node.inputs[1]) && !stream.live(node.inputs[0]);
  const data = node.inputs[swapped ? 1 : form.data];
  if (data === undefined || !stream.live(data)) return undefined;
  const weight = weightBehind(graph, uses, node.inputs[swapped ? 0 : form.weight]);
  if (!weight || weight.tensor.shape.length < 2) return undefined;
  const sizes = sizesOf(node, weight, swapped);
  if (!sizes) return undefined;
  const own = form.bias === undefined ? undefined : weightBehind(graph, uses, node.inputs[form.bias]);
  const after = biasAfter(graph, uses, stream, node, sizes.outFeatures, own !== undefined);
  const bias = own ? { node, weight: own } : after.bias;
  const quantized = form.quantized ?? quantizedThrough(uses, data, weight);
  return {
    node,
    op: node.op,
    input: beforeQuantization(uses, data),
    output: after.output,
    weight,
    ...sizes,
    ...(bias && { bias }),
    precision: precisionOf(node, weight),
    ...(quantized && { quantized }),
  };
}

type Sizes = Pick<Dense, 'outFirst' | 'inFeatures' | 'outFeatures' | 'kernel' | 'groups'>;

function sizesOf(node: Node, weight: Weight, swapped: boolean): Sizes | undefined {
  const shape = shapeAsRead(weight);
  if (node.op === 'MatMulNBits' || node.op === 'MatMulBnb4') {
    const [inFeatures, outFeatures] = [intAttr(node, 'K'), intAttr(node, 'N')];
    return inFeatures && outFeatures ? { outFirst: true, inFeatures, outFeatures } : undefined;
  }
  if (node.op.includes('Conv')) {
    const groups = intAttr(node, 'group') ?? 1;
    const kernel = elementCount(shape.slice(2));
    return { outFirst: true, inFeatures: shape[1]! * groups, outFeatures: shape[0]!, kernel, groups };
  }
  if (node.op === 'Einsum') return einsumSizes(node, shape, swapped);
  if (elementCount(shape.slice(0, -2)) !== 1) return undefined;
  const outFirst = intAttr(node, 'transB') === 1;
  const [a, b] = [shape.at(-2)!, shape.at(-1)!];
  return outFirst ? { outFirst, inFeatures: b, outFeatures: a } : { outFirst, inFeatures: a, outFeatures: b };
}

/** Shape of a weight as its user sees it, after the Transposes and Reshapes on the way. */
function shapeAsRead(weight: Weight): readonly number[] {
  let shape = weight.tensor.shape;
  for (const node of weight.through) {
    const perm = node.attrs.get('perm');
    if (node.op === 'Transpose') {
      const before = shape;
      shape = perm?.type === 'ints' ? perm.value.map((axis) => before[Number(axis)]!) : before.toReversed();
    } else if (node.op === 'Unsqueeze') shape = [1, ...shape];
    else if (node.op === 'Squeeze') shape = shape.filter((dim) => dim !== 1);
  }
  return shape;
}

/** Letters that data and weight share and the output lacks are contracted; the weight's others are outputs. */
function einsumSizes(node: Node, shape: readonly number[], swapped: boolean): Sizes | undefined {
  const [left = '', out = ''] = (stringAttr(node, 'equation') ?? '').replaceAll(' ', '').split('->');
  const [first = '', second = ''] = left.split(',');
  const [data, letters] = swapped ? [second, first] : [first, second];
  if (letters.length !== shape.length) return undefined;
  let [inFeatures, outFeatures] = [1, 1];
  for (const [i, letter] of [...letters].entries()) {
    if (data.includes(letter) && out.includes(letter)) return undefined;
    if (data.includes(letter)) inFeatures *= shape[i]!;
    else outFeatures *= shape[i]!;
  }
  return { outFirst: !data.includes(letters[0]!), inFeatures, outFeatures };
}

/** QDQ: weight behind DequantizeLinear; static where the data is quantized too. */
function quantizedThrough(uses: Uses, data: string, weight: Weight): Dense['quantized'] {
  if (!weight.through.some((node) => node.op === 'DequantizeLinear')) return undefined;
  return uses.producer.get(data)?.op === 'DequantizeLinear' ? 'static' : 'weight-only';
}

/** The value before QuantizeLinear / DynamicQuantizeLinear / DequantizeLinear. */
function beforeQuantization(uses: Uses, value: string): string {
  let at = value;
  for (
    let node = uses.producer.get(at);
    node && /^(Dynamic)?(Quantize|Dequantize)Linear$/.test(node.op);
    node = uses.producer.get(at)
  ) {
    at = node.inputs[0] ?? at;
    if (at === '') return value;
  }
  return at;
}

function precisionOf(node: Node, weight: Weight): Dense['precision'] {
  if (node.op === 'MatMulBnb4') return 'float4';
  if (node.op !== 'MatMulNBits') return weight.dtype;
  return intAttr(node, 'bits') === 8 ? 'uint8' : 'uint4';
}
