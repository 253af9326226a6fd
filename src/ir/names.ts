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
    // a type left behind for a value that is gone would be taken for the new value's
    for (const info of [...graph.inputs, ...graph.outputs, ...graph.values]) this.#taken.add(info.name);
    for (const name of [...graph.initializers.keys(), ...graph.sparse.keys()]) this.#taken.add(name);
    for (const node of graph.nodes) {
      // inputs too: a subgraph's may be values of the graph around it
      for (const name of [...node.inputs, ...node.outputs]) this.#taken.add(name);
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
