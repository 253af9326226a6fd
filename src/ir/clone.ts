// Copies of a model that passes may change: nodes and tensors are immutable and shared, the containers are new.
import type { Graph, Model } from './graph.ts';

/** A model whose graph can be changed without changing this one. */
export function cloneModel(model: Model): Model {
  return {
    ...model,
    graph: cloneGraph(model.graph),
    opsets: new Map(model.opsets),
    metadata: new Map(model.metadata),
    functions: [...model.functions],
  };
}

/** A graph with containers of its own. */
export function cloneGraph(graph: Graph): Graph {
  return {
    ...graph,
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    values: [...graph.values],
    nodes: [...graph.nodes],
    initializers: new Map(graph.initializers),
    sparse: new Map(graph.sparse),
  };
}
