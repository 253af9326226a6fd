// Following a value back to the tensor it is made of: initializers and Constant nodes, behind Identity, Transpose, Cast …
import { memoryTensor, type Tensor } from './tensor.ts';
import type { Graph, Node } from './graph.ts';
import { floatAttr, isStandard, tensorAttr } from './node.ts';
import type { Uses } from './uses.ts';

/** A constant and the way to it. */
export interface Constant {
  /** Name of the initializer, or of the Constant node's output. */
  readonly name: string;
  readonly tensor: Tensor;
  /** Nodes between the constant and the value that was asked for, nearest to the constant first: Identity, Transpose, Cast, DequantizeLinear … */
  readonly through: readonly Node[];
}

/** Operators that hand a weight on without mixing it with data. */
const carriers = new Set(['Identity', 'Transpose', 'Cast', 'DequantizeLinear', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** The constant behind `value`, through carriers, or undefined where it depends on data. */
export function constantBehind(graph: Graph, uses: Uses, value: string): Constant | undefined {
  const through: Node[] = [];
  for (let at = value; ;) {
    const tensor = graph.initializers.get(at);
    if (tensor) return { name: at, tensor, through: through.reverse() };
    const node = uses.producer.get(at);
    if (!node || !isStandard(node)) return undefined;
    if (node.op === 'Constant') {
      const made = constantTensor(node);
      return made && { name: at, tensor: made, through: through.reverse() };
    }
    if (!carriers.has(node.op) || node.inputs[0] === undefined) return undefined;
    through.push(node);
    at = node.inputs[0];
  }
}

/** Value of a Constant node (ONNX operator Constant: value, value_float(s), value_int(s)). */
export function constantTensor(node: Node): Tensor | undefined {
  const tensor = tensorAttr(node, 'value');
  if (tensor) return tensor;
  const float = floatAttr(node, 'value_float');
  if (float !== undefined) return memoryTensor('float32', [], Float32Array.of(float));
  // as bigint: INT64_MAX is no number
  const int = node.attrs.get('value_int');
  if (int?.type === 'int') return memoryTensor('int64', [], BigInt64Array.of(int.value));
  const ints = node.attrs.get('value_ints');
  if (ints?.type === 'ints') return memoryTensor('int64', [ints.value.length], BigInt64Array.from(ints.value));
  const floats = node.attrs.get('value_floats');
  return floats?.type === 'floats'
    ? memoryTensor('float32', [floats.value.length], Float32Array.from(floats.value))
    : undefined;
}
