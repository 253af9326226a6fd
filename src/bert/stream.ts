// The graph as token data sees it: which values carry data of the tokens, without shapes, masks, scales and constants.
import type { Graph, Node } from '../ir/graph.ts';
import type { Use, Uses } from '../ir/uses.ts';

/** Operators whose result no longer carries the data, only its size. */
const sizeOnly = new Set(['Shape', 'Size', 'ConstantOfShape', 'Range', 'EyeLike']);

/** First inputs that carry data, for operators whose other inputs are scales, zero points, shapes or indices. */
const dataInputs: Readonly<Record<string, readonly number[]>> = {
  QuantizeLinear: [0],
  DequantizeLinear: [0],
  DynamicQuantizeLinear: [0],
  CastLike: [0],
  Reshape: [0],
  Expand: [0],
  Slice: [0],
  Tile: [0],
  Pad: [0, 2],
  QLinearMatMul: [0, 3],
  QLinearAdd: [0, 3],
  QLinearMul: [0, 3],
  QLinearSigmoid: [0],
  QLinearSoftmax: [0],
  QLinearConv: [0, 3],
  QGemm: [0, 3],
};

/** Token data's way through a graph. */
export interface Stream {
  /** Nodes in topological order. */
  readonly nodes: readonly Node[];
  readonly order: ReadonlyMap<Node, number>;
  /** Does the value carry token data? */
  live(value: string | undefined): boolean;
  /** Live data inputs of a node, with their index. */
  sources(node: Node): readonly { readonly value: string; readonly index: number }[];
  /** Nodes that take the data on. */
  readers(value: string): readonly Use[];
  readonly uses: Uses;
}

/** Is input `index` of the node data, as opposed to a scale, a shape or a zero point? */
function isData(node: Node, index: number): boolean {
  const known = dataInputs[node.op];
  return known ? known.includes(index) : true;
}

/** Mark what is reached from `seeds` (values that first carry token data). */
export function makeStream(nodes: readonly Node[], uses: Uses, seeds: ReadonlySet<string>): Stream {
  const alive = new Set(seeds);
  const sources = (node: Node): { value: string; index: number }[] =>
    sizeOnly.has(node.op)
      ? []
      : node.inputs.flatMap((value, index) => (isData(node, index) && alive.has(value) ? [{ value, index }] : []));
  for (const node of nodes) {
    if (sources(node).length === 0) continue;
    const out = node.op === 'DynamicQuantizeLinear' ? node.outputs.slice(0, 1) : node.outputs;
    for (const output of out) if (output !== '') alive.add(output);
  }
  return {
    nodes,
    order: new Map(nodes.map((node, i) => [node, i])),
    uses,
    live: (value) => value !== undefined && alive.has(value),
    sources,
    readers: (value) =>
      alive.has(value)
        ? (uses.consumers.get(value) ?? []).filter((use) => !sizeOnly.has(use.node.op) && isData(use.node, use.index))
        : [],
  };
}

/** Graph inputs that a value is computed from, by their contents and not only by their size; and constants on the way. */
export interface Origins {
  readonly inputs: ReadonlySet<string>;
  readonly constants: ReadonlySet<string>;
  readonly ops: ReadonlySet<string>;
}

/** Walk back from a value to graph inputs and initializers. */
export function originsOf(graph: Graph, uses: Uses, value: string): Origins {
  const inputs = new Set<string>();
  const constants = new Set<string>();
  const ops = new Set<string>();
  const seen = new Set<string>();
  const outside = new Set(graph.inputs.map((input) => input.name));
  const pending = [value];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (at === '' || seen.has(at)) continue;
    seen.add(at);
    if (graph.initializers.has(at)) constants.add(at);
    else if (outside.has(at)) inputs.add(at);
    const node = uses.producer.get(at);
    if (!node) continue;
    ops.add(node.op);
    if (node.op === 'Constant') constants.add(at);
    // the second output of EmbedLayerNormalization counts the mask, its input 7
    if (node.op === 'EmbedLayerNormalization' && at === node.outputs[1]) pending.push(node.inputs[7] ?? '');
    else if (!sizeOnly.has(node.op) || node.op === 'Range') pending.push(...node.inputs);
  }
  return { inputs, constants, ops };
}
