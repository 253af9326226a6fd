// Counting a model's parameters: the numbers in its weights.
import { constantTensor } from './constants.ts';
import { isFloat } from './dtype.ts';
import type { Graph } from './graph.ts';
import { isStandard } from './node.ts';
import { elementCount, type Tensor } from './tensor.ts';

/** Numbers in float and 8-bit or smaller tensors; scales and zero points (`_scale`, `_zero_point`) and shape integers are none. */
export function countParams(graph: Graph): number {
  let count = 0;
  const add = (name: string, tensor: Tensor): void => {
    const small = /^u?int[248]$/.test(tensor.dtype);
    if ((isFloat(tensor.dtype) || small) && !/_(scale|zero_point)(_alpha)?(_\d+)?$/.test(name))
      count += elementCount(tensor.shape);
  };
  for (const [name, tensor] of graph.initializers) add(name, tensor);
  for (const node of graph.nodes) {
    const tensor = node.op === 'Constant' && isStandard(node) ? constantTensor(node) : undefined;
    if (tensor) add(node.outputs[0] ?? '', tensor);
  }
  return count;
}
