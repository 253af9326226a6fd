// The int8 weight of a product, as it lies in the file or turned by a node (a decoder tied to the token table).
import { constantBehind } from '../../ir/constants.ts';
import type { Graph } from '../../ir/graph.ts';
import { intsAttr } from '../../ir/node.ts';
import { lazyTensor, type Tensor } from '../../ir/tensor.ts';
import type { Uses } from '../../ir/uses.ts';
import { transposeBytes } from '../../math/affine.ts';

/** The weight [.., in, out] behind `value`; undefined where it is no int8 constant that only Identity and a plain Transpose lie before. */
export function signedWeight(graph: Graph, uses: Uses, value: string): Tensor | undefined {
  const found = constantBehind(graph, uses, value);
  if (!found || found.tensor.dtype !== 'int8' || found.tensor.shape.length < 2) return undefined;
  const turns = found.through.filter((node) => node.op !== 'Identity');
  if (turns.length === 0) return found.tensor;
  const [rows = 0, columns = 0, ...more] = found.tensor.shape;
  const plain = turns.every((node) => node.op === 'Transpose' && (intsAttr(node, 'perm') ?? [1, 0]).join() === '1,0');
  if (!plain || more.length > 0) return undefined;
  if (turns.length % 2 === 0) return found.tensor;
  const { tensor } = found;
  return lazyTensor('int8', [columns, rows], () => transposeBytes(tensor.bytes(), rows, columns));
}
