// Where pruning cuts: the products that heads and FFN neurons leave their block through.
import { nameOf } from '../../bert/scene.ts';
import type { Dense } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { indexUses, type Uses } from '../../ir/uses.ts';
import type { Block } from '../structure/blocks.ts';
import { headRefusal, neuronRefusal } from '../structure/plain.ts';

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
  /** First layer that has the same weights; its own number where none before it has. */
  readonly tied: number;
  /** The sum with the residual stream, or the block's output where there is none. */
  readonly sum: string;
}

/** All sites that can be cut, layer by layer, attention first. @throws ModelError where weights are not float32 */
export function sitesOf({ graph }: Pick<Model, 'graph'>, blocks: readonly Block[]): Site[] {
  const uses = indexUses(graph);
  return blocks.flatMap((block, layer) => {
    const { heads: units, headSize: unit, output: dense } = block.attention;
    const known = headRefusal(block) === undefined && dense && units !== undefined && unit !== undefined;
    const heads = known ? [{ kind: 'heads' as const, block: 0, dense, units, unit }] : [];
    const ffn = block.ffn.flatMap((one, b) =>
      neuronRefusal(one) === undefined
        ? [{ kind: 'ffn' as const, block: b, dense: one.out, units: one.width, unit: 1 }]
        : [],
    );
    return [...heads, ...ffn].map((site) => {
      requireFloat(site.dense);
      return { ...site, layer, tied: block.tied, sum: sumAfter(uses, site.dense.output) };
    });
  });
}

function requireFloat({ precision, node }: Dense): void {
  if (precision !== 'float32')
    throw new ModelError(
      `'${nameOf(node)}': expected float32 weights to prune, found ${precision}: prune first, quantize after`,
    );
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
