// Brings a graph into the form that gradients are written for: fused operators in parts, scattered formulas as one operator.
import type { Graph, Node } from '../../ir/graph.ts';
import { indexUses } from '../../ir/uses.ts';
import type { Emit } from '../emit.ts';
import { Facts } from '../facts.ts';
import { dependents } from '../path.ts';
import { composeGelu } from './gelu.ts';
import { composeLayerNorm } from './layer-norm.ts';
import { decompose } from './decompose.ts';

/** Rewrite what lies on a path from `of`, in place; values keep their names. Gives what is known of the graph after it. */
export function prepare(graph: Graph, emit: Emit, of: readonly string[]): Facts {
  let facts = new Facts(graph, indexUses(graph));
  const wanted = dependents(graph.nodes, of, facts);
  const onPath = (node: Node): boolean => node.inputs.some((input) => wanted.has(input));
  const plain = graph.nodes.flatMap((node) => (onPath(node) ? (decompose(node, emit, facts) ?? node) : node));
  if (plain.length !== graph.nodes.length) {
    graph.nodes = plain;
    facts = new Facts(graph, indexUses(graph));
  }
  const composed = new Map([...composeLayerNorm(graph, facts), ...composeGelu(graph, facts)]);
  if (composed.size === 0) return facts;
  for (const node of composed.values()) if (node.domain !== '') emit.fused = true;
  graph.nodes = graph.nodes.map((node) => composed.get(node) ?? node);
  return new Facts(graph, indexUses(graph));
}
