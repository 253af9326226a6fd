// Checks of a graph's form: one writer for each name, no reader without a writer, no cycle (ONNX IR spec, "Graphs").
import { ModelError } from '../errors.ts';
import type { FunctionDef, Graph, Node } from './graph.ts';
import { sortNodes, type NameSet } from './sort.ts';
import { subgraphsOf } from './uses.ts';

/** Throws ModelError, `where` in front, at the first fault. `outer` are the names visible from the graphs around it. */
export function checkGraph(graph: Graph, where: string, outer: NameSet = new Set()): void {
  const own = new Set<string>();
  const define = (name: string, by: string): void => {
    if (own.has(name))
      throw new ModelError(`${where}: expected one definition of value '${name}', found a second (${by})`);
    own.add(name);
  };
  for (const input of graph.inputs) define(input.name, 'graph input');
  // before IR version 4 every initializer is an input as well
  for (const name of [...graph.initializers.keys(), ...graph.sparse.keys()])
    if (!own.has(name)) define(name, 'initializer');
  // asked, not copied: a thousand subgraphs in a large graph would make a thousand copies of its names
  const visible: NameSet = { has: (name) => own.has(name) || outer.has(name) };
  const sorted = sortNodes(graph.nodes, visible);
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== '') define(output, describe(node));
  if (sorted.missing) {
    throw new ModelError(
      `${where}: expected a writer of '${sorted.missing.value}', found none (${describe(sorted.missing.node)})`,
    );
  }
  if (sorted.cycle)
    throw new ModelError(`${where}: expected a graph without cycles, found one through ${describe(sorted.cycle)}`);
  for (const output of graph.outputs) {
    if (!visible.has(output.name))
      throw new ModelError(`${where}: expected a writer of the output '${output.name}', found none`);
  }
  for (const node of graph.nodes) {
    for (const inner of subgraphsOf(node)) checkGraph(inner, `${where}: subgraph of ${describe(node)}`, visible);
  }
}

/** The same of a function's body, which sees nothing around it (ONNX IR spec, "Functions"). */
export function checkFunction(def: FunctionDef, where: string): void {
  const named = (names: readonly string[]): { name: string }[] => names.map((name) => ({ name }));
  const body = { name: def.name, values: [], nodes: [...def.nodes], initializers: new Map(), sparse: new Map() };
  checkGraph({ ...body, inputs: named(def.inputs), outputs: named(def.outputs) }, where);
}

/** A node as messages name it. */
export function describe(node: Node): string {
  return `node '${node.name || node.outputs[0] || ''}', op ${node.domain === '' ? '' : `${node.domain}::`}${node.op}`;
}
