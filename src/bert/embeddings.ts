// Embedding tables: what is added to the token rows before the first normalisation or layer.
import type { Node } from '../ir/graph.ts';
import { elementCount } from '../ir/tensor.ts';
import type { Lookup } from './lookups.ts';
import { weightBehind, type Scene } from './scene.ts';
import type { Embedding } from './types.ts';

/** Operators at which the sum of embeddings has ended. */
const ends = new Set(
  (
    'LayerNormalization RMSNormalization SimplifiedLayerNormalization ReduceMean Softmax Attention MultiHeadAttention QAttention LSTM GRU ' +
    'SkipSimplifiedLayerNormalization'
  ).split(' '),
);

/** Tables of one encoder, token table first. */
export function findEmbeddings(scene: Scene, token: Lookup, lookups: readonly Lookup[]): Embedding[] {
  if (token.role) {
    return lookups.filter((one) => one.node === token.node).map((one) => asEmbedding(one, one.role ?? 'other'));
  }
  const found = [asEmbedding(token, 'token')];
  for (const { value, node } of summands(scene, token.output)) {
    const before = lookupsBehind(scene, value, lookups);
    for (const lookup of before)
      if (!found.some((one) => one.node === lookup.node)) found.push(asEmbedding(lookup, roleOf(scene, lookup, token)));
    if (before.length === 0) found.push(...foldedTables(scene, value, node, token.width, found));
  }
  return found;
}

/** Values added to the token rows on their way to the first normalisation; the way may pass one dense layer (MobileBERT). */
function summands(scene: Scene, from: string): { value: string; node: Node }[] {
  const out: { value: string; node: Node }[] = [];
  const seen = new Set<Node>();
  let pending = [from];
  let behindDense: string[] = [];
  for (let round = 0; round < 2; round++) {
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      for (const { node } of scene.stream.readers(at)) {
        const dense = scene.denses.get(node);
        if (dense) behindDense.push(dense.output);
        if (dense || ends.has(node.op) || seen.has(node)) continue;
        seen.add(node);
        if (node.op === 'Add' || node.op === 'Sum' || node.op === 'SkipLayerNormalization') {
          const others = node.op === 'SkipLayerNormalization' ? node.inputs.slice(0, 2) : node.inputs;
          out.push(...others.filter((input) => !scene.stream.live(input)).map((value) => ({ value, node })));
        }
        if (node.op !== 'SkipLayerNormalization') pending.push(...node.outputs);
      }
    }
    if (out.length > 0 || new Set(behindDense).size !== 1) break;
    pending = behindDense;
    behindDense = [];
  }
  return out;
}

/** Lookups that a value outside the token stream is made of. */
function lookupsBehind(scene: Scene, value: string, lookups: readonly Lookup[]): Lookup[] {
  const byOutput = new Map(lookups.map((one) => [one.output, one]));
  const found: Lookup[] = [];
  const seen = new Set<string>();
  const pending = [value];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const lookup = byOutput.get(at);
    if (lookup) found.push(lookup);
    else pending.push(...(scene.uses.producer.get(at)?.inputs ?? []));
  }
  return found.reverse();
}

function roleOf(scene: Scene, one: Lookup, token: Lookup): Embedding['role'] {
  const hint = one.direct ?? '';
  if (/pos/i.test(hint)) return 'position';
  if (/type|segment/i.test(hint)) return 'segment';
  const numbers = one.direct === undefined ? scene.trace.known(one.index) : undefined;
  if (numbers && numbers.data.length > 1) {
    const all = Array.from(numbers.data);
    return all.every((value) => value === all[0]) && one.rows <= 16 ? 'segment' : 'position';
  }
  const { inputs, ops } = one.origins;
  const fromIds = [...inputs].every((input) => token.origins.inputs.has(input));
  if (inputs.size > 0 && !fromIds) return one.direct !== undefined && one.rows <= 16 ? 'segment' : 'other';
  return one.rows > 16 || (ops.has('CumSum') && one.rows > 4) ? 'position' : 'segment';
}

function asEmbedding(one: Lookup, role: Embedding['role']): Embedding {
  return {
    role,
    node: one.node,
    weight: one.weight,
    rows: one.rows,
    width: one.width,
    precision: one.weight.dtype,
    inputs: role === 'position' && one.direct === undefined ? [] : [...one.origins.inputs],
    folded: false,
  };
}

/** Constants added to the token rows: a sliced position table, or rows that an exporter folded. */
function foldedTables(
  scene: Scene,
  value: string,
  node: Node,
  width: number,
  found: readonly Embedding[],
): Embedding[] {
  const out: Embedding[] = [];
  const pending = [value];
  const seen = new Set<string>();
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const weight = weightBehind(scene.graph, scene.uses, at);
    if (!weight) {
      pending.push(...(scene.uses.producer.get(at)?.inputs ?? []));
      continue;
    }
    const shape = weight.tensor.shape;
    if (shape.at(-1) !== width || !weight.dtype.includes('float') || shape.length < 2) continue;
    const rows = elementCount(shape.slice(0, -1));
    const role = rows > 1 ? 'position' : found.some((one) => one.role === 'segment') ? 'other' : 'segment';
    const sliced = scene.uses.producer.get(value)?.op === 'Slice';
    out.push({ role, node, weight, rows, width, precision: weight.dtype, inputs: [], folded: !sliced });
  }
  return out;
}
