// A block of which nothing is left: its result is the bias of its output projection, or nothing.
import { nameOf } from '../../bert/scene.ts';
import type { Dense } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { isStandard, makeNode } from '../../ir/node.ts';
import { floats } from '../../ir/tensor.ts';
import { traceGraph } from '../../ir/trace/trace.ts';
import { indexUses, type Use } from '../../ir/uses.ts';
import { renameReads } from '../../ir/rename.ts';

/**
 * Take out the block that ends in the dense layer `out`. Sums read the bias itself; where there is none they hand on the other side. What reads
 * the result otherwise (SkipLayerNormalization) gets it in the shape of `from`, the value that goes into the block.
 * Throws ModelError where the result has another shape than `from`.
 */
export function removeBlock(graph: Graph, { output, bias, node }: Dense, from: string): void {
  const uses = indexUses(graph);
  const readers = uses.consumers.get(output) ?? [];
  if (readers.length === 0 || uses.outputs.has(output))
    throw new ModelError(`'${nameOf(node)}': expected a block inside the graph to take out, found one at its end`);
  // where the reader adds the bias it goes on doing so
  const own = bias && !readers.some((reader) => reader.node === bias.node) ? bias : undefined;
  const name = own && (own.weight.through.at(-1)?.outputs[0] ?? own.weight.name);
  if (readers.every(isSum)) {
    if (name !== undefined) graph.nodes = renameReads(graph.nodes, new Map([[output, name]]));
    else for (const reader of readers) skipSum(graph, reader);
  } else expand(graph, output, name, from, nameOf(node));
}

function isSum({ node }: Use): boolean {
  return node.op === 'Add' && isStandard(node);
}

/** x + 0 is x, under the name that the sum had: others know the residual stream by it. */
function skipSum(graph: Graph, { node, index }: Use): void {
  const same = makeNode('Identity', [node.inputs[1 - index]!], [...node.outputs], { name: node.name });
  graph.nodes = graph.nodes.map((one) => (one.outputs[0] === node.outputs[0] ? same : one));
}

/** `output` is now the value, or zero, as often as `from` has tokens. */
function expand(graph: Graph, output: string, value: string | undefined, from: string, where: string): void {
  const trace = traceGraph(graph, indexUses(graph));
  const [given, wanted] = [trace.dims(from), trace.dims(output)];
  if (!given || given.join() !== wanted?.join())
    throw new ModelError(
      `'${where}': expected a result of the shape [${given?.join(', ')}] to take out, found [${wanted?.join(', ')}]`,
    );
  const names = new Names(graph);
  const constant = value ?? names.fresh('nothing');
  if (value === undefined) graph.initializers.set(constant, floats([1], [0]));
  const shape = names.fresh(`${output}_shape`);
  const nodes: Node[] = [
    makeNode('Shape', [from], [shape], { name: shape }),
    makeNode('Expand', [constant, shape], [output], { name: names.fresh(`${where}_nothing`) }),
  ];
  const at = graph.nodes.findIndex((node) => node.outputs.includes(output));
  graph.nodes.splice(at, 1, ...nodes);
}
