// Reshapes whose target is computed from Shape get a constant target: 0 copies a dimension, -1 infers one.
// It takes four to six nodes a Reshape out of the run: 3 to 5 % of an INT8 MiniLM's time (bench/quantize-latency).
import { traceGraph, type Trace } from '../../ir/trace/trace.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import type { Names } from '../../ir/names.ts';
import { intAttr, isStandard } from '../../ir/node.ts';
import { int64s } from '../../ir/tensor.ts';
import { indexUses } from '../../ir/uses.ts';

/** Sizes that have no factor in common with each other or with what models use, so that a dimension says where it comes from. */
const trials = [
  { batch: 3, sequence: 11 },
  { batch: 5, sequence: 13 },
  { batch: 7, sequence: 19 },
];

/**
 * Rewrite in place; gives the number of Reshapes rewritten. A target's number is a constant where it is the same in all trials, a
 * copy where it is always the data's dimension at its place, inferred where it is the only one left; else the Reshape stays.
 */
export function constantReshapes(graph: Graph, names: Names): number {
  const uses = indexUses(graph);
  const candidates = graph.nodes.filter(
    (node) =>
      isStandard(node) &&
      node.op === 'Reshape' &&
      !graph.initializers.has(node.inputs[1] ?? '') &&
      intAttr(node, 'allowzero') !== 1,
  );
  if (candidates.length === 0) return 0;
  const traces = trials.map((trial) => traceGraph(graph, uses, trial));
  const shapes = new Map<string, string>(); // one initializer for all that read the same target
  let count = 0;
  const target = (dims: readonly number[]): string => {
    const key = dims.join(',');
    const known = shapes.get(key);
    if (known) return known;
    const name = names.fresh(`reshape_${key.replaceAll(',', '_').replaceAll('-', 'n')}`);
    graph.initializers.set(name, int64s([dims.length], dims));
    shapes.set(key, name);
    return name;
  };
  const chosen = new Set(candidates);
  graph.nodes = graph.nodes.map((node) => {
    const dims = chosen.has(node) ? constantTarget(node, traces) : undefined;
    if (!dims) return node;
    count++;
    return { ...node, inputs: [node.inputs[0]!, target(dims)] };
  });
  return count;
}

function constantTarget(node: Node, traces: readonly Trace[]): number[] | undefined {
  const targets = traces.map((trace) => trace.known(node.inputs[1])?.data);
  const data = traces.map((trace) => trace.dims(node.inputs[0]));
  const first = targets[0];
  if (!first || targets.some((target) => target?.length !== first.length)) return undefined;
  const dims = Array.from(first, (value, i) => {
    if (targets.every((target) => target![i] === value)) return value;
    return targets.every((target, t) => target![i] === data[t]?.[i]) ? 0 : -1;
  });
  return dims.filter((dim) => dim === -1).length > 1 ? undefined : dims;
}
