// One graph that runs the original and the pruned model side by side from a layer's input on.
import { ModelError } from '../../errors.ts';
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model, Node, ValueInfo } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import { traceGraph } from '../../ir/trace/trace.ts';
import { indexUses, subgraphsOf } from '../../ir/uses.ts';
import { opsetOf } from './gradients.ts';

/** The two models in one graph that share the inputs; what is the pruned model's has another name. */
export interface Pair {
  readonly builder: Builder;
  /** Name of a value of the pruned model. */
  pruned(value: string): string;
  /** Declares an input of the pair's own. */
  input(info: ValueInfo): void;
  /** The graph with these outputs and what they need. */
  finish(outputs: readonly string[]): Model;
}

const PREFIX = 'pruned/';

/**
 * @param from value that both models' token data passes, which becomes an input of each; undefined: both begin at the tokens
 * @param alone without the original
 */
export function pairOf(original: Model, pruned: Model, from: string | undefined, alone = false): Pair {
  const held = pruned.graph.nodes.find((node) => subgraphsOf(node).length > 0);
  if (held) throw new ModelError(`fit: expected a graph without subgraphs, found one in '${held.name}'`);
  const model = cloneModel(original);
  const { graph } = model;
  const inputs = new Set(pruned.graph.inputs.map(({ name }) => name).filter((n) => !pruned.graph.initializers.has(n)));
  const rename = (value: string): string => (value === '' || inputs.has(value) ? value : PREFIX + value);
  if (alone) [graph.nodes, graph.initializers] = [[], new Map()];
  graph.values = [];
  graph.inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name) && inputs.has(name));
  graph.nodes.push(...pruned.graph.nodes.map((node) => renamed(node, rename)));
  for (const [name, tensor] of pruned.graph.initializers) graph.initializers.set(rename(name), tensor);
  if (from !== undefined) for (const value of alone ? [rename(from)] : [from, rename(from)]) cutAt(graph, value);
  const builder = new Builder(graph, opsetOf(model), 'prune_fit');
  return {
    builder,
    pruned: rename,
    input: (info) => void graph.inputs.push(info),
    finish(outputs) {
      graph.nodes.push(...builder.nodes);
      graph.outputs = outputs.map((name) => ({ name, dtype: 'float32' as const }));
      sweep(graph);
      dropUnread(graph);
      return model;
    },
  };
}

function renamed(node: Node, rename: (value: string) => string): Node {
  return { ...node, name: PREFIX + node.name, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
}

/** The part of a model, in place, from one value [batch, sequence, width] to others. */
export function keepOnly(model: Model, from: string, outputs: readonly string[]): Model {
  const { graph } = model;
  const trace = traceGraph(graph, indexUses(graph));
  const width = trace.dims(from)?.at(-1) ?? null;
  cutAt(graph, from);
  graph.inputs = graph.inputs.map((input) => input.name === from ? { ...input, shape: ['batch', 'sequence', width] } : input); // prettier-ignore
  graph.outputs = outputs.map((name) => ({ name, dtype: 'float32' as const }));
  sweep(graph);
  dropUnread(graph);
  return model;
}

function cutAt(graph: Graph, value: string): void {
  graph.nodes = graph.nodes.filter((node) => !node.outputs.includes(value));
  graph.inputs.push({ name: value, dtype: 'float32' });
}

/** Behind a cut the tokens may not be read any more. */
function dropUnread(graph: Graph): void {
  const read = new Set(graph.nodes.flatMap((node) => node.inputs));
  graph.inputs = graph.inputs.filter(({ name }) => read.has(name));
}
