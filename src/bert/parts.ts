// Parameters by part of the model: which tensor belongs to the embeddings, to attention, to the feed-forward blocks, to the head.
import type { Dense, Norm, Recognition } from './types.ts';
import { constantTensor } from '../ir/constants.ts';
import { isFloat } from '../ir/dtype.ts';
import type { NamedTensor } from '../ir/equal.ts';
import type { Graph } from '../ir/graph.ts';
import { isStandard } from '../ir/node.ts';
import { elementCount } from '../ir/tensor.ts';

export type PartName = 'embeddings' | 'attention' | 'ffn' | 'norms' | 'head' | 'scales' | 'other';

/** One part: a tensor that several parts share counts in the first. */
export interface Part {
  readonly name: PartName;
  readonly params: number;
  readonly bytes: number;
  /** Element type of most of its bytes, others in order of size: 'int8', 'float32 + int8' … */
  readonly precision: string;
}

/** All constants: initializers, and Constant nodes by their output. */
export function constantsOf(graph: Graph): NamedTensor[] {
  const made = graph.nodes.flatMap((node) => {
    const tensor = node.op === 'Constant' && isStandard(node) ? constantTensor(node) : undefined;
    return tensor ? [{ name: node.outputs[0] ?? '', tensor }] : [];
  });
  return [...[...graph.initializers].map(([name, tensor]) => ({ name, tensor })), ...made];
}

const order: readonly PartName[] = ['embeddings', 'attention', 'ffn', 'norms', 'head', 'other', 'scales'];

/** Parts that hold something, in the order of the model. Integers of shape arithmetic are no parameters and are left out. */
export function partsOf(constants: readonly NamedTensor[], found: Recognition): Part[] {
  const places = placesOf(found);
  const sums = new Map<PartName, { params: number; bytes: number; types: Map<string, number> }>();
  for (const { name, tensor } of constants) {
    const place = /_(scale|zero_point)(_alpha)?(_\d+)?$/.test(name) ? 'scales' : places.get(name);
    if (!place && !(isFloat(tensor.dtype) && elementCount(tensor.shape) > 1)) continue;
    const part = place ?? 'other';
    const sum = sums.get(part) ?? { params: 0, bytes: 0, types: new Map<string, number>() };
    sum.params += part === 'scales' ? 0 : elementCount(tensor.shape);
    sum.bytes += tensor.byteLength;
    sum.types.set(tensor.dtype, (sum.types.get(tensor.dtype) ?? 0) + tensor.byteLength);
    sums.set(part, sum);
  }
  return order.flatMap((name) => {
    const sum = sums.get(name);
    if (!sum) return [];
    const precision = [...sum.types]
      .toSorted((a, b) => b[1] - a[1])
      .map(([type]) => type)
      .join(' + ');
    return [{ name, params: sum.params, bytes: sum.bytes, precision }];
  });
}

function placesOf(found: Recognition): Map<string, PartName> {
  const places = new Map<string, PartName>();
  const put = (name: string | undefined, part: PartName): void => {
    if (name !== undefined && !places.has(name)) places.set(name, part);
  };
  const putDense = (dense: Dense | undefined, part: PartName): void => {
    put(dense?.weight.name, part);
    put(dense?.bias?.weight.name, part);
  };
  const putNorm = (norm: Norm): void => {
    put(norm.gamma?.name, 'norms');
    put(norm.beta?.name, 'norms');
  };
  for (const encoder of found.encoders) {
    for (const table of encoder.embeddings) put(table.weight.name, 'embeddings');
    putDense(encoder.projection, 'embeddings');
    encoder.embeddingNorms.forEach(putNorm);
    for (const { attention, ffn, norms, others } of encoder.layers) {
      for (const dense of [attention.query, attention.key, attention.value, attention.output])
        putDense(dense, 'attention');
      for (const block of ffn) [...block.in, block.out].forEach((dense) => putDense(dense, 'ffn'));
      norms.forEach(putNorm);
      others.forEach((dense) => putDense(dense, 'other'));
    }
  }
  for (const name of found.positionTables) put(name, 'embeddings');
  found.head.denses.forEach((dense) => putDense(dense, 'head'));
  found.head.classifiers.forEach((dense) => putDense(dense, 'head'));
  found.head.norms.forEach(putNorm);
  return places;
}
