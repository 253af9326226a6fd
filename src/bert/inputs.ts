// Graph inputs by meaning, from where they go; names only decide what the data flow leaves open.
import type { Graph } from '../ir/graph.ts';
import type { Lookup } from './lookups.ts';
import type { Embedding, Inputs, Layer } from './types.ts';

/** Names of a graph's real inputs (initializers are inputs too before IR version 4). */
export function givenInputs(graph: Graph): string[] {
  return graph.inputs.map((input) => input.name).filter((name) => !graph.initializers.has(name));
}

/** Inputs of one encoder; `foreign` are inputs that belong to other encoders of the graph. */
export function findInputs(
  graph: Graph,
  token: Lookup | undefined,
  embeddings: readonly Embedding[],
  layers: readonly Layer[],
  foreign: ReadonlySet<string> = new Set(),
): Inputs {
  const given = givenInputs(graph).filter((name) => !foreign.has(name));
  const ids = token && (token.direct ?? [...token.origins.inputs][0]);
  const role = (wanted: Embedding['role']): string | undefined =>
    embeddings
      .filter((one) => one.role === wanted)
      .flatMap((one) => one.inputs)
      .find((name) => name !== ids);
  const segments = role('segment');
  const masks = layers.flatMap((layer) => layer.attention.mask.inputs).filter((name) => name !== ids);
  const mask = masks.find((name) => name !== segments) ?? given.find((name) => name !== ids && /mask/i.test(name));
  const used = new Set([ids, segments, mask]);
  const positions = role('position') ?? given.find((name) => !used.has(name) && /pos/i.test(name));
  used.add(positions);
  return { ids, mask, segments, positions, others: given.filter((name) => !used.has(name)) };
}
