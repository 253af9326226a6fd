// Which values lie on a path from what is asked for to the loss.
import { isFloat } from '../ir/dtype.ts';
import type { Node } from '../ir/graph.ts';
import { readsOf } from '../ir/sort.ts';
import type { Facts } from './facts.ts';

/**
 * Values that depend on `of` through numbers that are not integers or truths: comparisons, shapes and indices stop a gradient
 * (as in onnxruntime's gradient builder: STOP_GRADIENT_EDGES).
 */
export function dependents(nodes: readonly Node[], of: Iterable<string>, facts: Facts): Set<string> {
  const reached = new Set(of);
  for (const node of nodes) {
    if (!readsOf(node).some((input) => reached.has(input))) continue;
    for (const output of node.outputs) {
      const dtype = facts.dtype(output);
      if (output !== '' && (dtype === undefined || isFloat(dtype))) reached.add(output);
    }
  }
  return reached;
}
