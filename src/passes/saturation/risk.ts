// Finds products of uint8 activations and int8 weights that lose sums on an x86 CPU without VNNI.
// vpmaddubsw adds two neighbouring products in 16 bits, saturating: 255 (|b0| + |b1|) may pass 32,767 where |b0| + |b1| > 128.
import type { Graph, Model, Node } from '../../ir/graph.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { indexUses, type Uses } from '../../ir/uses.ts';
import { signedWeight } from './weight.ts';

export interface SaturationRisk {
  /** Products whose weights can saturate. */
  readonly products: number;
  /** Products of uint8 and int8 in all, those included whose weights are small enough. */
  readonly of: number;
}

/** Sum of two neighbouring weights, by size, from which on a pair of products may pass 16 bits. */
const SAFE_PAIR = 128;

/** Place of the int8 weight [in, out] among the inputs of integer products. */
const weightInput: Readonly<Record<string, number>> = {
  MatMulInteger: 1,
  DynamicQuantizeMatMul: 1,
  MatMulIntegerToFloat: 1,
  QLinearMatMul: 3,
  QAttention: 1,
};

/** Reads the int8 weights of a model's products. */
export function saturationRisk(model: Model): SaturationRisk {
  const { graph } = model;
  const uses = indexUses(graph);
  const seen = new Map<string, boolean>();
  let [products, of] = [0, 0];
  for (const node of graph.nodes) {
    const weight = weightOf(graph, uses, node);
    if (weight === undefined) continue;
    of++;
    const risky = seen.get(weight.name) ?? hasLargePair(weight.tensor);
    seen.set(weight.name, risky);
    if (risky) products++;
  }
  return { products, of };
}

function weightOf(graph: Graph, uses: Uses, node: Node): { name: string; tensor: Tensor } | undefined {
  const place = weightInput[node.op];
  const name = place === undefined ? dequantizedWeight(uses, node) : node.inputs[place];
  const tensor = name === undefined ? undefined : signedWeight(graph, uses, name);
  return name !== undefined && tensor ? { name, tensor } : undefined;
}

/** The integers of a MatMul or Gemm between DequantizeLinear nodes, which onnxruntime makes a QLinearMatMul or a QGemm of. */
function dequantizedWeight(uses: Uses, node: Node): string | undefined {
  if (node.op !== 'MatMul' && node.op !== 'Gemm') return undefined;
  const [a, b] = node.inputs.map((input) => uses.producer.get(input));
  return a?.op === 'DequantizeLinear' && b?.op === 'DequantizeLinear' ? b.inputs[0] : undefined;
}

/** Whether two weights that are multiplied with neighbouring activations are large together; [.., in, out] row-major. */
function hasLargePair(tensor: Tensor): boolean {
  const columns = tensor.shape.at(-1) ?? 0;
  const bytes = tensor.bytes();
  const values = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + columns < values.length; at += 2 * columns) {
    for (let i = at; i < at + columns; i++) {
      if (Math.abs(values[i]!) + Math.abs(values[i + columns]!) > SAFE_PAIR) return true;
    }
  }
  return false;
}
