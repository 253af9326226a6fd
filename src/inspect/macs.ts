// Multiply-accumulate operations of a model at a given input shape: dense layers and attention products.
import { traceGraph } from '../ir/trace/trace.ts';
import type { Recognition } from '../bert/types.ts';
import type { Graph } from '../ir/graph.ts';
import type { Uses } from '../ir/uses.ts';

export interface Macs {
  readonly batch: number;
  readonly sequence: number;
  readonly total: number;
  /** Products with weights, and products of activations (Q K^T and P V). */
  readonly dense: number;
  readonly attention: number;
}

/** Count them. A dense layer whose output shape is unknown counts as one that sees every token. */
export function macsAt(graph: Graph, uses: Uses, found: Recognition, shape: { batch: number; sequence: number }): Macs {
  const trace = traceGraph(graph, uses, shape);
  const tokens = shape.batch * shape.sequence;
  let dense = 0;
  for (const layer of found.denses) {
    const dims = trace.dims(layer.output);
    const rows = dims?.every((dim) => dim !== undefined)
      ? dims.reduce((product, dim) => product * dim!, 1) / layer.outFeatures
      : tokens;
    dense += (rows * layer.inFeatures * layer.outFeatures * (layer.kernel ?? 1)) / (layer.groups ?? 1);
  }
  let attention = 0;
  for (const { attention: one } of found.encoders.flatMap((encoder) => encoder.layers)) {
    attention += 2 * shape.batch * (one.heads ?? 0) * shape.sequence ** 2 * (one.headSize ?? 0);
  }
  return { ...shape, total: Math.round(dense + attention), dense: Math.round(dense), attention };
}
