// New names that collide with nothing in a graph, its subgraphs included.
import type { Graph } from './graph.ts';
import { subgraphsOf } from './uses.ts';

/** Gives out names that no value of the graph has; `fresh('x')` is 'x' where that is free, else 'x_1', 'x_2' … */
export class Names {
  readonly #taken = new Set<string>();

  constructor(graph: Graph) {
    this.#collect(graph);
  }

  #collect(graph: Graph): void {
    for (const info of [...graph.inputs, ...graph.outputs]) this.#taken.add(info.name);
    for (const name of [...graph.initializers.keys(), ...graph.sparse.keys()]) this.#taken.add(name);
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.#taken.add(output);
      for (const inner of subgraphsOf(node)) this.#collect(inner);
    }
  }

  /** A name nobody has yet; it is taken from now on. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#taken.has(name); i++) name = `${wanted}_${i}`;
    this.#taken.add(name);
    return name;
  }
}
