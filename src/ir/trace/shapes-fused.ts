// Shape rules of onnxruntime's own operators (com.microsoft) and of the Attention operator.
import { intAttr } from '../node.ts';
import type { Dims } from './known.ts';
import { conv, matmul, matmulDims } from './shapes-compute.ts';
import type { ShapeRule } from './rule.ts';

/** [B, S, H] out of an attention whose weight or value tensor ends in `last`. */
const fromWeight: ShapeRule = (node, trace) => {
  const x = trace.dims(node.inputs[0]);
  const weight = trace.dims(node.inputs[1]);
  const last = weight?.at(-1);
  return x && [[...x.slice(0, 2), last === undefined ? x[2] : last / 3]];
};

const fromQuery: ShapeRule = (node, trace) => {
  const q = trace.dims(node.inputs[0]);
  const v = trace.dims(node.inputs[2]);
  if (!q) return undefined;
  if (q.length === 5) return [[q[0], q[1], q[2] !== undefined && q[4] !== undefined ? q[2] * q[4] : undefined]];
  const last: number | undefined = v?.length === 4 ? times(v[1], v[3]) : v?.at(-1);
  return [[q[0], q[1], last ?? q[2]]];
};

/** ai.onnx Attention (23): 4-D [B, heads, S, size] or 3-D [B, S, heads*size] with head counts as attributes. */
const attention: ShapeRule = (node, trace) => {
  const q = trace.dims(node.inputs[0]);
  const v = trace.dims(node.inputs[2]);
  if (!q) return undefined;
  if (q.length === 4) return [[q[0], q[1], q[2], v?.[3] ?? q[3]]];
  const heads = intAttr(node, 'q_num_heads');
  const kv = intAttr(node, 'kv_num_heads');
  const width = v?.at(-1);
  return [[q[0], q[1], heads && kv && width !== undefined ? (width / kv) * heads : q[2]]];
};

const embed: ShapeRule = (node, trace) => {
  const ids = trace.dims(node.inputs[0]);
  const hidden = trace.dims(node.inputs[2])?.at(-1);
  return ids && [[...ids, hidden], [ids[0]], [...ids, hidden]];
};

/** Block-quantized product: N is an attribute. */
const matmulNBits: ShapeRule = (node, trace) => {
  const x = trace.dims(node.inputs[0]);
  return x && [[...x.slice(0, -1), intAttr(node, 'N')]];
};

const fusedMatMul: ShapeRule = (node, trace) => [
  matmulDims(
    trace.dims(node.inputs[0]),
    trace.dims(node.inputs[1]),
    intAttr(node, 'transA') === 1,
    intAttr(node, 'transB') === 1,
  ),
];

const qGemm: ShapeRule = (node, trace) => [
  matmulDims(
    trace.dims(node.inputs[0]),
    trace.dims(node.inputs[3]),
    intAttr(node, 'transA') === 1,
    intAttr(node, 'transB') === 1,
  ),
];

const sameForAll: ShapeRule = (node, trace) => {
  const x: Dims | undefined = trace.dims(node.inputs[0]);
  return x && node.outputs.map((_, i) => (i === 0 || i === 3 ? x : undefined));
};

function times(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * b;
}

/** Shape rules by operator name; names that the standard domain has too are told apart by `fusedShape`. */
const rules: Readonly<Record<string, ShapeRule>> = {
  Attention: fromWeight,
  QAttention: fromWeight,
  MultiHeadAttention: fromQuery,
  EmbedLayerNormalization: embed,
  SkipLayerNormalization: sameForAll,
  SkipSimplifiedLayerNormalization: sameForAll,
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  FusedGemm: matmul(),
  GemmFastGelu: matmul(),
  FusedConv: conv(),
  DynamicQuantizeMatMul: matmul(),
  MatMulIntegerToFloat: matmul(),
  MatMulNBits: matmulNBits,
  MatMulBnb4: matmulNBits,
  QGemm: qGemm,
  QLinearConv: conv(3),
};

/** Rule of an operator that is not of the standard domain; elementwise ones have none and keep their first input's shape. */
export function fusedShape(op: string): ShapeRule | undefined {
  return rules[op];
}

/** Rule of the standard Attention operator. */
export const attentionShape: ShapeRule = attention;
