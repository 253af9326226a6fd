// Tables of relative positions: they lie inside the layers, not among the embeddings that start the token stream.
import { isFloat } from '../ir/dtype.ts';
import type { Scene } from './scene.ts';
import type { Encoder } from './types.ts';

/** Operators that multiply by a constant: what they read is a weight. */
const products = new Set(['MatMul', 'Gemm', 'Conv', 'Einsum', 'FusedMatMul', 'Transpose', 'Attention', 'MatMulNBits']);

/**
 * Names of the tables, where attentions have learned positions: matrices as wide as the model (DeBERTa), a head (BERT with relative keys)
 * or as the number of heads (MPNet), read by something other than a product.
 */
export function findPositionTables(scene: Scene, encoders: readonly Encoder[]): string[] {
  const widths = encoders.flatMap(({ hidden, layers }) => {
    const attentions = layers.map((layer) => layer.attention);
    const learned = attentions.some(({ positions }) => positions.includes('relative') || positions.includes('bias'));
    return learned ? [hidden, ...attentions.flatMap(({ heads, headSize }) => [heads, headSize])] : [];
  });
  return [...scene.graph.initializers].flatMap(([name, { dtype, shape }]) => {
    const readers = scene.uses.consumers.get(name) ?? [];
    const isTable = isFloat(dtype) && shape.length === 2 && widths.includes(shape[1]);
    return isTable && !readers.some(({ node }) => products.has(node.op)) ? [name] : [];
  });
}
