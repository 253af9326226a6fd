// Exact sharing: tensors with the same content are stored once, and so is a matrix beside its transpose. Outputs stay the same bit by bit.
import * as z from 'zod';
import { constantsOf } from '../../bert/parts.ts';
import { cloneModel } from '../../ir/clone.ts';
import { equalGroups, isTranspose, likelyTransposes, type NamedTensor, type TransposedPair } from '../../ir/equal.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { makeNode } from '../../ir/node.ts';
import { renameReads } from '../../ir/rename.ts';
import { readsOf } from '../../ir/sort.ts';
import { definePass, type PassResult } from '../pass.ts';

/** Below this a Transpose node takes as much place as it saves. */
const LEAST_TRANSPOSED = 1024;

export const shareExact = definePass({
  name: 'share-exact',
  summary: 'store tensors of the same content once',
  options: z.object({
    least: z.number().default(0).describe('bytes of the smallest tensor that is shared'),
  }),
  run(model, { least }) {
    return shareEqual(model, least);
  },
  plan(model, { least }) {
    const { copies, pairs } = find(model.graph, least);
    return { applicable: copies.reduce((sum, { rest }) => sum + rest.length, 0) + pairs.length, skipped: [] };
  },
});

/** Tensors of one content: `kept` stays. */
interface Copies {
  readonly kept: NamedTensor;
  readonly rest: readonly NamedTensor[];
}

function shareEqual(input: Model, least: number): PassResult {
  const { copies, pairs } = find(input.graph, least);
  if (copies.length + pairs.length === 0)
    return { model: input, changed: false, stats: { shared: 0, transposed: 0, 'saved bytes': 0 }, skipped: [] };
  const model = cloneModel(input);
  const saved = merge(model.graph, copies) + transpose(model.graph, pairs);
  const shared = copies.reduce((sum, { rest }) => sum + rest.length, 0);
  return { model, changed: true, stats: { shared, transposed: pairs.length, 'saved bytes': saved }, skipped: [] };
}

/**
 * What can be merged. An initializer that is a graph input too may be given another value by the caller (IR version 3), and one that is
 * a graph output has a name that callers know: these are left.
 */
function find(
  graph: Graph,
  least: number,
): { readonly copies: readonly Copies[]; readonly pairs: readonly TransposedPair[] } {
  const known = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  const constants = constantsOf(graph).filter(({ name, tensor }) => tensor.byteLength >= least && !known.has(name));
  const copies = equalGroups(constants).map((group): Copies => {
    // a Constant node must stand before its readers, an initializer need not
    const kept = group.find(({ name }) => graph.initializers.has(name)) ?? group[0]!;
    return { kept, rest: group.filter((one) => one !== kept) };
  });
  const gone = new Set(copies.flatMap(({ rest }) => rest.map(({ name }) => name)));
  const large = constants.filter(({ name, tensor }) => !gone.has(name) && tensor.byteLength >= LEAST_TRANSPOSED);
  return { copies, pairs: likelyTransposes(large).filter(isTranspose) };
}

/** One copy for all readers. Returns the bytes that went. */
function merge(graph: Graph, copies: readonly Copies[]): number {
  const renames = new Map<string, string>();
  let saved = 0;
  for (const { kept, rest } of copies) {
    if (rest.length > 0) hoist(graph, kept);
    for (const { name, tensor } of rest) {
      renames.set(name, kept.name);
      saved += tensor.byteLength;
    }
  }
  for (const name of renames.keys()) graph.initializers.delete(name);
  graph.nodes = renameReads(
    graph.nodes.filter((node) => node.op !== 'Constant' || !renames.has(node.outputs[0] ?? '')),
    renames,
  );
  graph.values = graph.values.filter(({ name }) => !renames.has(name));
  return saved;
}

/** A Constant node becomes an initializer of its name. */
function hoist(graph: Graph, { name, tensor }: NamedTensor): void {
  if (graph.initializers.has(name)) return;
  graph.nodes = graph.nodes.filter((node) => node.outputs[0] !== name);
  graph.initializers.set(name, tensor);
}

/**
 * The copy that rows are gathered from stays, the other becomes a Transpose of it under its own name; onnxruntime computes that once, when
 * it loads the model. Returns the bytes that went.
 */
function transpose(graph: Graph, pairs: readonly TransposedPair[]): number {
  const gathered = new Set(graph.nodes.filter((node) => node.op === 'Gather').map((node) => node.inputs[0]));
  const read = new Set(graph.nodes.flatMap(readsOf));
  let saved = 0;
  for (const { tall, wide } of pairs) {
    if (!read.has(tall.name) || !read.has(wide.name)) continue;
    const [kept, other] = gathered.has(wide.name) && !gathered.has(tall.name) ? [wide, tall] : [tall, wide];
    hoist(graph, kept);
    hoist(graph, other);
    graph.initializers.delete(other.name);
    graph.nodes.unshift(makeNode('Transpose', [kept.name], [other.name], { attrs: { perm: [1n, 0n] } }));
    saved += other.tensor.byteLength;
  }
  return saved;
}
