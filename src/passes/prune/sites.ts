// Where pruning cuts: the products that heads and FFN neurons leave their block through.
import { nameOf } from '../../bert/scene.ts';
import type { Dense, Layer, Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import { indexUses, type Uses } from '../../ir/uses.ts';

/** The output projection of one attention or one feed-forward block; what it reads are the units that may go. */
export interface Site {
  readonly layer: number;
  readonly kind: 'heads' | 'ffn';
  /** Which feed-forward block of its layer; 0 for heads. */
  readonly block: number;
  /** Reads [batch, sequence, units * unit]. */
  readonly dense: Dense;
  /** Heads or neurons. */
  readonly units: number;
  /** Features of one unit: a head's size, 1 for a neuron. */
  readonly unit: number;
  /** Products that make the units, with as many columns each a unit as `unit`. */
  readonly makers: readonly Dense[];
  /** The sum with the residual stream, or the block's output where there is none. */
  readonly sum: string;
}

/** All sites, layer by layer, attention first. @throws ModelError where a block has no plain output projection */
export function sitesOf(graph: Graph, found: Recognition): Site[] {
  const [encoder, another] = found.encoders;
  if (!encoder || another || encoder.layers.length === 0)
    throw new ModelError(
      `prune: expected one encoder with layers, found ${another ? found.encoders.length : `none: ${found.reasons.join('; ')}`}`,
    );
  const uses = indexUses(graph);
  return encoder.layers.flatMap((layer, i) => [
    ...headsOf(layer, i, uses),
    ...layer.ffn.map((block, b) => {
      const { in: makers, out: dense, width } = block;
      return checked({ layer: i, kind: 'ffn' as const, block: b, dense, units: width, unit: 1, makers }, uses);
    }),
  ]);
}

function headsOf({ attention }: Layer, layer: number, uses: Uses): Site[] {
  const { heads, headSize, output: dense, query, key, value } = attention;
  if (!dense || heads === undefined || headSize === undefined || dense.inFeatures !== heads * headSize) return [];
  const makers = [query, key, value].filter((maker) => maker !== undefined);
  return [checked({ layer, kind: 'heads', block: 0, dense, units: heads, unit: headSize, makers }, uses)];
}

function checked(site: Omit<Site, 'sum'>, uses: Uses): Site {
  const { dense } = site;
  if (dense.precision !== 'float32')
    throw new ModelError(
      `'${nameOf(dense.node)}': expected float32 weights to prune, found ${dense.precision}: prune first, quantize after`,
    );
  return { ...site, sum: sumAfter(uses, dense.output) };
}

/** Follows what hands a value on as it is to the Add that joins the residual stream. */
function sumAfter(uses: Uses, value: string): string {
  let at = value;
  for (;;) {
    const [reader, another] = uses.consumers.get(at) ?? [];
    if (!reader || another) return value;
    if (reader.node.op === 'Add') return reader.node.outputs[0]!;
    if (reader.node.op !== 'Identity' && reader.node.op !== 'Dropout') return value;
    at = reader.node.outputs[0]!;
  }
}
