// Tells a model that was quantized before, so that nobody quantizes twice without knowing.
import { ModelError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';

/** Metadata key under which this tool writes what it did: a JSON list of pass names with their precision. */
export const HISTORY_KEY = 'bert_compress.history';

/** Operators of 8-bit and weight-only quantization. */
const quantized = new Set([
  'MatMulInteger',
  'ConvInteger',
  'QLinearMatMul',
  'QLinearConv',
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'DynamicQuantizeMatMul',
  'MatMulIntegerToFloat',
  'QAttention',
  'QEmbedLayerNormalization',
  'QGemm',
  'MatMulNBits',
  'MatMulBnb4',
  'GatherBlockQuantized',
]);

/** Throws ModelError where the model is already at 8 bits or below, or float16, with who made it as far as the file tells. */
export function refuseQuantized(model: Model, to: string): void {
  const count = model.graph.nodes.filter((node) => quantized.has(node.op)).length;
  const history = model.metadata.get(HISTORY_KEY);
  const by = history
    ? `by bert-compress (${history})`
    : model.producer.name
      ? `by ${model.producer.name}`
      : 'by an unknown tool';
  if (count > 0)
    throw new ModelError(
      `--to ${to}: expected a float32 model, found ${count} quantized operators: it was quantized already, ${by}`,
    );
  const halves = [...model.graph.initializers.values()].filter(
    (tensor) => tensor.dtype === 'float16' && tensor.shape.length > 1,
  ).length;
  const floats = [...model.graph.initializers.values()].filter(
    (tensor) => tensor.dtype === 'float32' && tensor.shape.length > 1,
  ).length;
  if (halves > floats)
    throw new ModelError(
      `--to ${to}: expected a float32 model, found ${halves} float16 weights: it was converted already, ${by}; quantize the float32 original`,
    );
}
