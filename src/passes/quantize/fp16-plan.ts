// Which nodes of a float32 graph compute in float16, and why the others stay.
import { constantTensor } from '../../ir/constants.ts';
import type { DataType } from '../../ir/dtype.ts';
import type { ElementTypes } from '../../ir/element-types.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { isStandard } from '../../ir/node.ts';
import { asFloat32, elementCount, type Tensor } from '../../ir/tensor.ts';
import { subgraphsOf } from '../../ir/uses.ts';
import { FLOAT16_MAX } from '../../math/float16.ts';

/** Operators that stay float32, by reason. The first group is onnxruntime's float16 block list (convert_float_to_float16). */
const blocked: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'onnxruntime has no float16 kernel to rely on':
      'ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer OneHotEncoder RandomUniformLike SVMClassifier SVMRegressor Scaler TreeEnsembleClassifier TreeEnsembleRegressor ZipMap NonMaxSuppression TopK RoiAlign Range CumSum Min Max Upsample Resize LSTM GRU RNN Multinomial Bernoulli RandomNormal RandomNormalLike RandomUniform',
    'squares and sums leave the range of float16':
      'Pow Sqrt Reciprocal ReduceMean ReduceSum ReduceSumSquare ReduceL2 ReduceLogSumExp LpNormalization',
    'its scales are float32':
      'DynamicQuantizeLinear QuantizeLinear DequantizeLinear MatMulInteger ConvInteger QLinearMatMul QLinearConv DynamicQuantizeMatMul MatMulIntegerToFloat QAttention QEmbedLayerNormalization MatMulBnb4 QGemm',
  }).flatMap(([reason, ops]) => ops.split(' ').map((op) => [op, reason] as const)),
);

/** com.microsoft operators that take float16 (onnxruntime's contrib operator document). */
const fused = new Set([
  'Attention',
  'MultiHeadAttention',
  'EmbedLayerNormalization',
  'SkipLayerNormalization',
  'SimplifiedLayerNormalization',
  'SkipSimplifiedLayerNormalization',
  'BiasGelu',
  'Gelu',
  'FastGelu',
  'QuickGelu',
  'FusedMatMul',
  'FusedGemm',
  'RotaryEmbedding',
  'MatMulNBits',
  'GatherBlockQuantized',
]);

/** Below this a constant is a scalar or a short vector of a formula; above it is a weight. */
const SMALL = 4096;

export interface HalfPlan {
  /** Nodes that compute in float16. */
  readonly half: ReadonlySet<Node>;
  /** Float nodes that stay, with the reason; those that only do arithmetic on positions and masks are left out. */
  readonly kept: ReadonlyMap<Node, string>;
  /** Values made of positions, masks and constants whose magnitude may pass 65504: clip them before a cast. */
  readonly large: ReadonlySet<string>;
}

/** Decide for each node. `types`: element types of all values. */
export function planHalf(graph: Graph, types: ElementTypes): HalfPlan {
  const half = new Set<Node>();
  const kept = new Map<Node, string>();
  const large = new Set<string>();
  const constants = new Map<string, Tensor>(graph.initializers);
  const formula = new Set<string>(); // float values computed from integers and small constants alone
  for (const node of graph.nodes) {
    const made = node.op === 'Constant' && isStandard(node) ? constantTensor(node) : undefined;
    if (made) {
      constants.set(node.outputs[0]!, made);
      continue;
    }
    const isFloat = (value: string): boolean => types.get(value) === 'float32';
    const floatInputs = node.inputs.filter(isFloat);
    if (floatInputs.length === 0 && !node.outputs.some(isFloat)) continue;
    // data that is float16 in the file already is no formula
    const isData = node.inputs.some((input) => types.get(input) === 'float16');
    if (!isData && isFormula(node, floatInputs, constants, formula)) {
      const wide = floatInputs.some((input) => large.has(input) || exceeds(constants.get(input)));
      for (const output of node.outputs) {
        formula.add(output);
        if (wide) large.add(output);
      }
      continue;
    }
    const reason = whyFloat(node, floatInputs, constants, types);
    if (reason) kept.set(node, reason);
    else half.add(node);
  }
  return { half, kept, large };
}

/**
 * True for arithmetic on positions and masks: rotary angles and position buckets need float32's 24 bits (float16 counts exactly
 * only to 2048), and a mask's finfo.min must be clipped once, not rounded to -infinity at every step.
 */
function isFormula(
  node: Node,
  floatInputs: readonly string[],
  constants: ReadonlyMap<string, Tensor>,
  formula: ReadonlySet<string>,
): boolean {
  if (subgraphsOf(node).length > 0 || !isStandard(node)) return false;
  return floatInputs.every((input) => {
    const constant = constants.get(input);
    return constant ? isFormulaConstant(constant, node.op) : formula.has(input);
  });
}

/** Operators whose constant matrix is a weight, however small; a vector (rotary frequencies) is none. */
const takesWeights = new Set([
  'Gather',
  'GatherND',
  'GatherElements',
  'MatMul',
  'Gemm',
  'Conv',
  'Einsum',
  'LayerNormalization',
]);

function isFormulaConstant({ shape }: Tensor, op: string): boolean {
  const count = elementCount(shape);
  const isVector = shape.every((dim) => dim === 1 || dim === count);
  return count < SMALL && (isVector ? op !== 'LayerNormalization' : !takesWeights.has(op));
}

function whyFloat(
  node: Node,
  floatInputs: readonly string[],
  constants: ReadonlyMap<string, Tensor>,
  types: ElementTypes,
): string | undefined {
  if (subgraphsOf(node).length > 0) return 'its subgraphs compute in float32';
  if (!isStandard(node) && !(node.domain === 'com.microsoft' && fused.has(node.op))) {
    return blocked.get(node.op) ?? `an operator of ${node.domain} whose float16 form is not known`;
  }
  const reason = blocked.get(node.op);
  if (reason) return reason;
  const untyped = node.inputs.find((value) => value !== '' && !types.has(value));
  if (untyped !== undefined) return `the type of its input '${untyped}' is not known`;
  const other = [...node.inputs, ...node.outputs]
    .map((value) => types.get(value))
    .find((type): type is DataType => type === 'float64' || type === 'bfloat16');
  if (other && node.op !== 'Cast') return `it computes in ${other}`;
  for (const input of floatInputs)
    if (flushes(constants.get(input))) return 'a constant of it would be flushed to zero';
  return undefined;
}

function exceeds(tensor: Tensor | undefined): boolean {
  return (
    tensor !== undefined &&
    elementCount(tensor.shape) < SMALL &&
    asFloat32(tensor).some((value) => Math.abs(value) > FLOAT16_MAX)
  );
}

/** A lone number (an epsilon) that float16 cannot tell from zero: below half of its smallest subnormal, 2^-25. */
function flushes(tensor: Tensor | undefined): boolean {
  if (!tensor || elementCount(tensor.shape) !== 1) return false;
  const value = Math.abs(asFloat32(tensor)[0]!);
  return value > 0 && value <= 2 ** -25;
}
