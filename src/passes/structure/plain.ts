// What can be cut: attentions whose heads are slices of features, feed-forward blocks whose neurons are.
import type { Attention, Dense, FeedForward } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Node } from '../../ir/graph.ts';
import type { Block } from './blocks.ts';

/** An attention whose query, key, value and output are dense layers, of its own or one for the first three. */
export interface Plain extends Attention {
  readonly query: Dense;
  readonly key: Dense;
  readonly value: Dense;
  readonly output: Dense;
  readonly heads: number;
  readonly headSize: number;
  /** Nodes of its layer. */
  readonly inside: readonly Node[];
}

/** Throws ModelError where heads cannot be cut out of it. */
export function plainOf(block: Block, layer: number): Plain {
  const why = headRefusal(block);
  if (why !== undefined) throw new ModelError(`heads of layer ${layer}: expected plain attention, found ${why}`);
  return { ...(block.attention as Plain), inside: block.inside as readonly Node[] };
}

/** Why no heads can be cut out of a layer. */
export function headRefusal({ attention, inside }: Pick<Block, 'attention' | 'inside'>): string | undefined {
  const { query, key, value, output, heads, headSize, packed, kvHeads, positions } = attention;
  if (typeof inside === 'string') return inside;
  if (!query || !key || !value || !output || heads === undefined || headSize === undefined)
    return 'parts that were not recognised';
  if (kvHeads !== undefined) return 'fewer heads of keys than of queries';
  if (packed && (key !== query || value !== query)) return 'key and value in one product';
  const width = heads * headSize;
  if (query.outFeatures !== (packed ? 3 * width : width) || output.inFeatures !== width) return 'heads of other sizes';
  if (positions.includes('relative')) return 'terms of relative positions a head';
  return weightRefusal([query, key, value, output]);
}

/** Why no neurons can be cut out of a feed-forward block. */
export function neuronRefusal({ in: ways, out }: FeedForward): string | undefined {
  return weightRefusal([...ways, out]);
}

const products = /^(MatMul|Gemm|FusedMatMul|FusedGemm|Conv|Attention)$/;

function weightRefusal(denses: readonly Dense[]): string | undefined {
  for (const { op, weight, added, groups = 1 } of denses) {
    if (added) return 'a difference of low rank beside its weight';
    if (!products.test(op) || weight.dtype !== 'float32') return `${op} of ${weight.dtype}`;
    const behind = weight.through.filter((one) => one.op !== 'Identity' && one.op !== 'Transpose');
    if (behind.length > 0) return `weights behind ${behind.map((one) => one.op).join(', ')}`;
    if (groups !== 1) return `convolutions of ${groups} groups`;
  }
  return undefined;
}

/** Features of a number of heads in a projection; of one that makes Q, K and V those of all three. */
export function headFeatures({ heads, headSize }: Plain, kept: readonly number[], parts = 1): number[] {
  return Array.from({ length: parts }, (_, part) => part * heads * headSize).flatMap((from) =>
    kept.flatMap((head) => Array.from({ length: headSize }, (_, i) => from + head * headSize + i)),
  );
}
