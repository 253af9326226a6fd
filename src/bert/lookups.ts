// Table lookups: every place where rows of a constant table are picked by numbers.
import type { Graph, Node } from '../ir/graph.ts';
import { intAttr } from '../ir/node.ts';
import type { Uses } from '../ir/uses.ts';
import { weightBehind } from './scene.ts';
import { originsOf, type Origins } from './stream.ts';
import type { Weight } from './types.ts';

/** Rows of `weight` picked by the value `index`. */
export interface Lookup {
  readonly node: Node;
  readonly weight: Weight;
  readonly rows: number;
  readonly width: number;
  readonly index: string;
  readonly output: string;
  readonly origins: Origins;
  /** The graph input that is the index as it is, shape and type changes aside. */
  readonly direct: string | undefined;
  /** Role by the operator's own definition (EmbedLayerNormalization). */
  readonly role?: 'token' | 'position' | 'segment';
}

/** Operators that leave the numbers of an index as they are. */
const unchanged = new Set([
  'Cast',
  'Identity',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Expand',
  'Clip',
  'Max',
  'Min',
]);

/** All lookups of a graph, in the order of its nodes. */
export function findLookups(graph: Graph, uses: Uses): Lookup[] {
  const given = new Set(graph.inputs.map((input) => input.name).filter((name) => !graph.initializers.has(name)));
  const direct = (value: string): string | undefined => {
    for (let at = value; ;) {
      if (given.has(at)) return at;
      const node = uses.producer.get(at);
      if (!node || !unchanged.has(node.op) || node.inputs[0] === undefined) return undefined;
      at = node.inputs[0];
    }
  };
  const lookup = (
    node: Node,
    table: string | undefined,
    index: string | undefined,
    role?: Lookup['role'],
    output = node.outputs[0],
  ): Lookup[] => {
    const weight = weightBehind(graph, uses, table);
    if (!weight || !index || output === undefined || weight.tensor.shape.length !== 2) return [];
    const [rows = 0, width = 0] = weight.tensor.shape;
    if (width < 2 && weight.dtype === 'int64') return [];
    const found = {
      node,
      weight,
      rows,
      width,
      index,
      output,
      origins: originsOf(graph, uses, index),
      direct: direct(index),
    };
    return [role ? { ...found, role } : found];
  };
  return graph.nodes.flatMap((node): Lookup[] => {
    const [a, b, c, d, e] = node.inputs;
    switch (node.op) {
      case 'Gather':
        return (intAttr(node, 'axis') ?? 0) === 0 && !isIndexTable(graph, uses, a) ? lookup(node, a, b) : [];
      case 'GatherBlockQuantized':
        return lookup(node, a, b);
      case 'EmbedLayerNormalization':
        return [
          ...lookup(node, c, a, 'token'),
          ...lookup(node, d, node.inputs[8] || a, 'position'),
          ...lookup(node, e, b || a, 'segment'),
        ];
      case 'QEmbedLayerNormalization':
        return [
          ...lookup(node, c, a, 'token'),
          ...lookup(node, d, a, 'position'),
          ...lookup(node, e, b || a, 'segment'),
        ];
      case 'MatMul': {
        const hot = a === undefined ? undefined : oneHotBehind(uses, a);
        return hot ? lookup(node, b, hot) : [];
      }
      default:
        return [];
    }
  });
}

/** Integer constants that are picked from are position numbers or bucket tables, not embeddings. */
function isIndexTable(graph: Graph, uses: Uses, table: string | undefined): boolean {
  const weight = weightBehind(graph, uses, table);
  return weight !== undefined && /^(u?int(16|32|64)|bool|string)$/.test(weight.dtype);
}

/** The index of a OneHot whose output the value is (TensorFlow's way to look up segments). */
function oneHotBehind(uses: Uses, value: string): string | undefined {
  for (let at = value; ;) {
    const node = uses.producer.get(at);
    if (!node || node.inputs[0] === undefined) return undefined;
    if (node.op === 'OneHot') return node.inputs[0];
    if (!unchanged.has(node.op)) return undefined;
    at = node.inputs[0];
  }
}

const otherRole = /type|segment|pos|bbox|box|lang|task|time|mask/i;

/** Lookups of token numbers: one for each token input. */
export function tokenLookups(lookups: readonly Lookup[]): Lookup[] {
  const fused = lookups.filter((one) => one.role === 'token');
  if (fused.length > 0) return fused;
  const fed = lookups.filter(
    (one) => one.role === undefined && one.origins.inputs.size > 0 && !one.origins.ops.has('CumSum'),
  );
  const groups = [
    fed.filter((one) => one.direct !== undefined && !otherRole.test(one.direct)),
    fed.filter((one) => one.direct !== undefined),
    fed.filter((one) => ![...one.origins.inputs].every((input) => otherRole.test(input))),
    fed,
  ];
  const candidates = groups.find((group) => group.length > 0) ?? [];
  const rows = Math.max(...candidates.map((one) => one.rows));
  const best = candidates.filter((one) => one.rows === rows);
  // one table for each input: LayoutLM's coordinate tables can be as tall as the vocabulary
  return best.filter(
    (one, i) =>
      best.findIndex((other) => other.index === one.index || (other.direct ?? '') === (one.direct ?? one.index)) === i,
  );
}
