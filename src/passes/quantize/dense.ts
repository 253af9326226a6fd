// Which matrix products have a weight that can be quantized, and where that weight lies.
import { constantBehind } from '../../ir/constants.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { floatAttr, intAttr, intsAttr, isStandard } from '../../ir/node.ts';
import type { Tensor } from '../../ir/tensor.ts';
import type { Uses } from '../../ir/uses.ts';

/** A product `input * weight (* alpha) (+ beta * bias)` with a constant float32 weight. */
export interface DenseWeight {
  readonly node: Node;
  readonly input: string;
  /** The constant as it is stored, and its name: products that name the same one share it. */
  readonly name: string;
  readonly tensor: Tensor;
  /** True where the stored matrix is [out, in], the transpose of what the product takes. */
  readonly transposed: boolean;
  readonly alpha: number;
  /** Gemm's C and beta. */
  readonly bias?: { readonly value: string; readonly beta: number };
}

/** The product at `node`, or the reason why it cannot be quantized, or undefined where the node is no product with a weight at all. */
export function denseWeight(
  graph: Graph,
  uses: Uses,
  node: Node,
): DenseWeight | { readonly reason: string } | undefined {
  const kind = productOf(node);
  if (!kind) return undefined;
  if (typeof kind === 'string') return { reason: kind };
  const [input, value] = node.inputs;
  if (input === undefined || value === undefined) return { reason: 'an input is missing' };
  const weight = constantBehind(graph, uses, value);
  if (!weight) {
    return constantBehind(graph, uses, input)
      ? { reason: 'the constant is the left factor: an 8-bit product takes its weight on the right' }
      : undefined;
  }
  const { tensor } = weight;
  if (tensor.dtype !== 'float32') return { reason: `the weight is ${tensor.dtype}, not float32` };
  if (tensor.shape.length !== 2) return { reason: `the weight has ${tensor.shape.length} dimensions, not 2` };
  let transposed = kind.transB;
  for (const carrier of weight.through) {
    if (carrier.op === 'Identity') continue;
    const perm = carrier.op === 'Transpose' ? (intsAttr(carrier, 'perm') ?? [1, 0]) : undefined;
    if (perm?.length !== 2) return { reason: `the weight comes through ${carrier.op}` };
    if (perm[0] === 1) transposed = !transposed;
  }
  return {
    node,
    input,
    name: weight.name,
    tensor,
    transposed,
    alpha: kind.alpha,
    ...(kind.beta !== undefined && node.inputs[2] ? { bias: { value: node.inputs[2], beta: kind.beta } } : {}),
  };
}

interface Product {
  readonly transB: boolean;
  readonly alpha: number;
  readonly beta?: number;
}

/** How an operator multiplies; a string says why its weight stays; undefined where it is no product. */
function productOf(node: Node): Product | string | undefined {
  if (isStandard(node) && node.op === 'MatMul') return { transB: false, alpha: 1 };
  if (isStandard(node) && node.op === 'Gemm') {
    if (intAttr(node, 'transA') === 1) return 'Gemm transposes its data (transA = 1)';
    return {
      transB: intAttr(node, 'transB') === 1,
      alpha: floatAttr(node, 'alpha') ?? 1,
      beta: floatAttr(node, 'beta') ?? 1,
    };
  }
  if (node.domain !== 'com.microsoft') return otherWeights(node);
  if (node.op !== 'FusedMatMul') return fusedReasons[node.op];
  if (['transA', 'transBatchA', 'transBatchB'].some((name) => intAttr(node, name) === 1))
    return 'FusedMatMul transposes its data';
  return { transB: intAttr(node, 'transB') === 1, alpha: floatAttr(node, 'alpha') ?? 1 };
}

function otherWeights(node: Node): string | undefined {
  if (!isStandard(node)) return undefined;
  if (node.op === 'Conv') return 'Conv stays float: only matrix products are quantized';
  if (node.op === 'Einsum') return 'Einsum has no 8-bit form';
  if (['LSTM', 'GRU', 'RNN'].includes(node.op)) return `${node.op} stays float: this tool treats encoders`;
  return undefined;
}

/** Operators of onnxruntime's optimizer that hold weights of their own. */
const fusedReasons: Readonly<Record<string, string>> = Object.fromEntries(
  ['Attention', 'MultiHeadAttention', 'QAttention', 'FusedGemm', 'EmbedLayerNormalization', 'GemmFastGelu'].map(
    (op) => [op, `${op} is onnxruntime-fused: quantize the model before onnxruntime's optimizer`],
  ),
);
