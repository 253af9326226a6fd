// Small edits of a test model: nodes replaced, weights added.
import type { Model, Node } from '../../src/ir/graph.ts';
import type { Tensor } from '../../src/ir/tensor.ts';

/** The model with each node that `change` gives something for replaced by it. */
export function replaceNodes(model: Model, change: (node: Node) => readonly Node[] | undefined): Model {
  model.graph.nodes = model.graph.nodes.flatMap((node) => change(node) ?? [node]);
  return model;
}

/** The model with more initializers. */
export function withWeights(model: Model, weights: Readonly<Record<string, Tensor>>): Model {
  for (const [name, tensor] of Object.entries(weights)) model.graph.initializers.set(name, tensor);
  return model;
}
