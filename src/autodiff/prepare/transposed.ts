// A weight stored [out, in] and transposed in the graph: the product reads it transposed instead, so that neither it nor its gradient is copied.
import type { Graph, Node } from '../../ir/graph.ts';
import { intsAttr, isStandard, makeNode } from '../../ir/node.ts';
import type { Facts } from '../facts.ts';

/** Each MatMul by a transposed matrix and the FusedMatMul in its place. */
export function composeTransposed(graph: Graph, facts: Facts): Map<Node, Node> {
  const found = new Map<Node, Node>();
  for (const node of graph.nodes) {
    if (node.op !== 'MatMul' || !isStandard(node)) continue;
    const flip = facts.uses.producer.get(node.inputs[1]!);
    if (flip?.op !== 'Transpose' || !isStandard(flip) || facts.find(flip.inputs[0]!)?.length !== 2) continue;
    if ((intsAttr(flip, 'perm') ?? [1, 0])[0] !== 1 || (facts.find(node.inputs[0]!)?.length ?? 0) < 2) continue;
    const inputs = [node.inputs[0]!, flip.inputs[0]!];
    const options = { name: node.name, domain: 'com.microsoft', attrs: { transB: 1n } };
    found.set(node, makeNode('FusedMatMul', inputs, [...node.outputs], options));
  }
  return found;
}
