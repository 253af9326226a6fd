// Walks along the token data: back to the dense layers a value comes from, on to the dense layers it goes to.
import type { Node } from '../ir/graph.ts';
import { secondProducts } from './low-rank.ts';
import type { Scene } from './scene.ts';
import type { Dense } from './types.ts';

/** Operators at which a walk ends without having found a dense layer. */
const walls = new Set(
  'Softmax QLinearSoftmax Attention QAttention MultiHeadAttention GroupQueryAttention PackedAttention LSTM GRU RNN'.split(
    ' ',
  ),
);

/** Where a walk back came to. */
export interface Behind {
  /** Dense layers reached first, nearest first. */
  readonly denses: readonly Dense[];
  /** Nodes between them and the value. */
  readonly nodes: readonly Node[];
  /** True where some way led past the last dense layer: to the graph's inputs or to another block. */
  readonly open: boolean;
}

/** Dense layers behind a value. Stops early, as open, once more than `limit` were found. */
export function behind(scene: Scene, value: string, limit = 4): Behind {
  const { stream, uses, denses } = scene;
  const found = new Set<Dense>();
  const nodes = new Set<Node>();
  const seen = new Set<string>();
  let open = false;
  const pending = [value];
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const node = uses.producer.get(at);
    const sources = node ? stream.sources(node) : [];
    if (!node || sources.length === 0 || walls.has(node.op)) {
      open = true;
      continue;
    }
    const dense = denses.get(node);
    if (dense) {
      found.add(dense);
      if (found.size > limit) return { denses: [...found], nodes: [...nodes], open: true };
    } else {
      nodes.add(node);
      pending.push(...sources.map((source) => source.value));
    }
  }
  return { denses: [...found], nodes: [...nodes], open };
}

/** Norms and joins end a walk ahead: what follows belongs to something else. */
const endsAhead = new Set(
  (
    'LayerNormalization RMSNormalization SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization ' +
    'ReduceMean ReduceSum ReduceMax ReduceL2 LpNormalization'
  ).split(' '),
);

/** Dense layers that a value goes into, without passing a sum with other data, a norm or another block. */
export function ahead(scene: Scene, value: string): Dense[] {
  const found = new Set<Dense>();
  const seen = new Set<string>([value]);
  const pending = [value];
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    for (const { node } of scene.stream.readers(at)) {
      const dense = scene.denses.get(node);
      if (dense) found.add(dense);
      if (dense || walls.has(node.op) || endsAhead.has(node.op)) continue;
      if (node.op === 'Add' && scene.stream.sources(node).some((source) => !seen.has(source.value))) continue;
      for (const output of node.outputs) {
        if (!seen.has(output)) pending.push(output);
        seen.add(output);
      }
    }
  }
  return [...found];
}

/** Operators that hand a value on as it is, for looking for the sum with the residual stream. */
const passes = new Set(
  'Cast Identity Reshape Transpose QuantizeLinear DequantizeLinear Dropout Squeeze Unsqueeze Mul Div'.split(' '),
);

/** The sum of a block's result with the residual stream: its node, and the other operand. The result may be the first of two products. */
export function residualAfter(scene: Scene, value: string): { node: Node; other: string } | undefined {
  const first = [...scene.denses.values()].find(({ output }) => output === value);
  const [second] = first ? secondProducts(scene.stream, scene.denses, first) : [];
  const pending = [second?.output ?? value];
  const seen = new Set<string>();
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const { node } of scene.stream.readers(at)) {
      if (/^(Add|Sum|QLinearAdd|Skip(Simplified)?LayerNormalization)$/.test(node.op)) {
        const other = scene.stream.sources(node).find((source) => source.value !== at && source.index !== 4);
        if (other) return { node, other: other.value };
        pending.push(...node.outputs);
      } else if (passes.has(node.op) && !scene.denses.has(node) && scene.stream.sources(node).length === 1)
        pending.push(...node.outputs);
    }
  }
  return undefined;
}

/** Value before Identity, Cast, Reshape, quantization: to compare two uses of one thing. */
export function plain(scene: Scene, value: string): string {
  for (let at = value; ;) {
    const node = scene.uses.producer.get(at);
    if (
      !node ||
      !/^(Identity|Cast|Reshape|QuantizeLinear|DequantizeLinear|DynamicQuantizeLinear|Dropout|Transpose)$/.test(node.op)
    )
      return at;
    const from = node.inputs[0];
    if (from === undefined || !scene.stream.live(from)) return at;
    at = from;
  }
}
