// What the gradient of a graph is to those who ask for it.
import type { Model } from '../ir/graph.ts';

/** Where the gradient of one value comes out of the graph. */
export type Gradient =
  /** An output of the value's shape. */
  | { readonly kind: 'dense'; readonly output: string }
  /**
   * Of a table that is only gathered from (axis 0): for each Gather the indices int64 [n] and the gradients of those rows
   * [n, width]. An index may repeat: its rows add up, which the caller does (ScatterND with add sums wrongly with threads).
   */
  | { readonly kind: 'rows'; readonly parts: readonly GradientRows[] }
  /** Of a table that is also used otherwise (a tied decoder): the sum of both. */
  | { readonly kind: 'both'; readonly output: string; readonly parts: readonly GradientRows[] };

/** Outputs: indices int64 [n] and the gradients of those rows [n, width]. */
export interface GradientRows {
  readonly indices: string;
  readonly rows: string;
}

export interface Differentiated {
  /** Forward and backward in one graph. Initializers with a gradient are inputs of it; the loss and the gradients are outputs. */
  readonly model: Model;
  /** The scalar that was differentiated. */
  readonly loss: string;
  /** By the names that were asked for; one that the loss does not depend on is absent. */
  readonly gradients: ReadonlyMap<string, Gradient>;
  /** Names of the backward nodes, each with that of the node whose gradient it belongs to. */
  readonly origins: ReadonlyMap<string, string>;
}

export interface DifferentiateOptions {
  /** A scalar float32 value of the graph. */
  readonly loss: string;
  /** Initializers, graph inputs or inner values (masks on heads and neurons). */
  readonly of: readonly string[];
  /** Other values that should be outputs: parts of the loss, logits. Default none; the model's own outputs go. */
  readonly keep?: readonly string[] | undefined;
}
