// The bias of a dense layer: what is added to its result, behind the scales and casts that quantization puts between.
import type { Graph, Node } from '../ir/graph.ts';
import { elementCount } from '../ir/tensor.ts';
import type { Uses } from '../ir/uses.ts';
import { weightBehind } from './scene.ts';
import type { Stream } from './stream.ts';
import type { Dense } from './types.ts';

/** Operators between the product and the addition of its bias. */
const between = new Set(['Cast', 'DequantizeLinear', 'QuantizeLinear', 'Identity', 'Mul', 'Reshape']);

/** Fused operators that take the bias of the layer before them: input index. */
const takers: Readonly<Record<string, number>> = {
  BiasGelu: 1,
  FastGelu: 1,
  BiasFastGelu: 1,
  SkipLayerNormalization: 4,
  SkipSimplifiedLayerNormalization: 3,
};

/** Bias added after `node`, and the value that then carries the layer's result. */
export function biasAfter(
  graph: Graph,
  uses: Uses,
  stream: Stream,
  node: Node,
  outFeatures: number,
  hasBias: boolean,
): { output: string; bias?: NonNullable<Dense['bias']> } {
  let output = node.outputs[0]!;
  const integer = /Integer$|^QLinear|^QGemm/.test(node.op);
  for (let at = output, steps = 0; steps < 8; steps++) {
    const readers = stream.readers(at);
    const reader = readers.length === 1 ? readers[0]! : undefined;
    if (!reader || uses.outputs.has(at)) return { output };
    const next = reader.node;
    if (!hasBias) {
      const added = addedConstant(graph, uses, next, reader.index, outFeatures);
      if (added)
        return {
          output: next.op === 'Add' || next.op === 'QLinearAdd' ? afterDequantize(uses, stream, next.outputs[0]!) : at,
          bias: { node: next, weight: added },
        };
    }
    if (
      !between.has(next.op) ||
      (next.op === 'Mul' && !integer) ||
      (next.op === 'Mul' && stream.live(next.inputs[1 - reader.index]))
    )
      return { output };
    at = next.outputs[0]!;
    // a product of integers is no result before its scale; other steps are passed over only on the way to a bias
    if (integer && (next.op === 'Mul' || next.op === 'Cast' || next.op === 'DequantizeLinear')) output = at;
  }
  return { output };
}

function addedConstant(graph: Graph, uses: Uses, node: Node, index: number, outFeatures: number) {
  const other =
    node.op === 'Add'
      ? node.inputs[1 - index]
      : node.op === 'QLinearAdd'
        ? node.inputs[index === 0 ? 3 : 0]
        : node.inputs[takers[node.op] ?? -1];
  if (other === undefined || (node.op !== 'Add' && node.op !== 'QLinearAdd' && index !== 0 && takers[node.op] === 1))
    return undefined;
  const weight = weightBehind(graph, uses, other);
  return weight && elementCount(weight.tensor.shape) === outFeatures ? weight : undefined;
}

/** QOperator files dequantize the sum. */
function afterDequantize(uses: Uses, stream: Stream, value: string): string {
  const readers = stream.readers(value);
  const only = readers.length === 1 && !uses.outputs.has(value) ? readers[0]!.node : undefined;
  return only?.op === 'DequantizeLinear' ? only.outputs[0]! : value;
}
