// What stays of a model when it is pruned, and how much may stay: what the choice hands to the cut.
import type { Shape } from './costs.ts';

/** What stays of one layer. */
export interface KeptLayer {
  /** Numbers of the attention heads that stay, ascending; none removes the block. */
  readonly heads: readonly number[];
  /** Numbers of the neurons that stay, one list for each feed-forward block of the layer; none removes the block. */
  readonly ffn: readonly (readonly number[])[];
  /** Factors of the heads that stay, in the order of `heads`: they go into the weights of the output projection. */
  readonly headScales?: readonly number[] | undefined;
  /** The same of the neurons that stay. */
  readonly ffnScales?: readonly (readonly number[])[] | undefined;
}

/** One entry for each layer, those of all encoders of the graph in order. Layers that share weights have equal entries. */
export interface KeepPlan {
  readonly layers: readonly KeptLayer[];
}

/** How much may stay: a share of the encoder layers' multiply-adds, bytes of the file, or a speedup at a shape. */
export type Budget =
  | { readonly kind: 'macs'; readonly keep: number }
  | { readonly kind: 'bytes'; readonly most: number }
  | { readonly kind: 'speedup'; readonly at: Shape; readonly times: number };
