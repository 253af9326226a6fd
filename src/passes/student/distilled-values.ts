// The values of a graph that distillation compares: logits, hidden states, attention scores, values, text vectors.
import { boundariesOf, outOf } from '../../bert/boundaries.ts';
import type { Attention, Encoder, Output, Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { traceGraph, type Trace } from '../../ir/trace/trace.ts';
import { indexUses } from '../../ir/uses.ts';
import { featuresOf, type Features } from '../head/features.ts';

/** A value and the size of its last axis. */
export interface Sized {
  readonly value: string;
  readonly size: number;
}

/** Looks values up in one of the two models; errors name it as `who`. */
export class DistilledValues {
  readonly model: Model;
  readonly layers: number;
  /** What errors call the model. */
  readonly who: string;
  readonly #outputs: readonly string[];
  readonly #found: Recognition;
  readonly #encoder: Encoder;
  readonly #trace: Trace;

  /**
   * @param outputs of layers, where they are known: recognition needs blocks on both sides that pruning may have removed
   * @throws ModelError where the model is not one encoder with layers
   */
  constructor(who: string, model: Model, found: Recognition, outputs: readonly string[] = []) {
    const [encoder, another] = found.encoders;
    if (!encoder || another || encoder.layers.length === 0)
      throw new ModelError(
        `${who}: expected a graph with one encoder whose layers are recognised, found ${
          another ? `${found.encoders.length} encoders` : `none: ${found.reasons.join('; ')}`
        }`,
      );
    this.model = model;
    this.layers = encoder.layers.length;
    this.who = who;
    this.#outputs = outputs;
    this.#found = found;
    this.#encoder = encoder;
    this.#trace = traceGraph(model.graph, indexUses(model.graph));
  }

  /** Outputs that class scores come in, in the order of the graph: all of one kind. */
  logits(): readonly (Output & { readonly rank: number })[] {
    const kinds = ['logits', 'token-logits', 'span-logits', 'vocabulary-logits'] as const;
    const { outputs } = this.#found.head;
    const kind = kinds.find((kind) => outputs.some((output) => output.kind === kind));
    return outputs
      .filter((output) => output.kind === kind)
      .map((output) => ({ ...output, rank: this.#trace.dims(output.name)?.length ?? 0 }));
  }

  /** Hidden states [batch, sequence, width] behind layer i. @throws ModelError */
  hidden(i: number): Sized {
    const cut = boundariesOf(this.model.graph, this.#encoder);
    const value = this.#outputs[i] ?? (typeof cut === 'string' ? undefined : outOf(cut, i));
    if (value === undefined)
      throw new ModelError(
        `hidden states of the ${this.who}: expected the output of layer ${i}, found ${typeof cut === 'string' ? cut : 'no value that holds it'}`,
      );
    return this.#sized(value, 3, `hidden states of layer ${i}`);
  }

  /** Attention scores [batch, heads, sequence, sequence] of layer i, before softmax, with scale and mask. @throws ModelError */
  scores(i: number): { readonly value: string; readonly heads: number } {
    const { node, heads, fused } = this.#attention(i);
    if (fused !== undefined || node.op !== 'Softmax' || heads === undefined)
      throw new ModelError(
        `attention scores of the ${this.who}: expected a Softmax in layer ${i}, found ${fused ?? node.op}`,
      );
    return { value: this.#sized(node.inputs[0]!, 4, `attention scores of layer ${i}`).value, heads };
  }

  /** Values of layer i split into heads: [batch, heads, sequence, head size]. @throws ModelError */
  values(i: number): Sized & { readonly heads: number } {
    const { context, heads, fused } = this.#attention(i);
    if (context?.op !== 'MatMul' || heads === undefined)
      throw new ModelError(
        `value relation of the ${this.who}: expected a product of probabilities and values in layer ${i}, found ${
          fused ?? context?.op ?? 'none'
        }`,
      );
    return { ...this.#sized(context.inputs[1]!, 4, `values of layer ${i}`), heads };
  }

  /** What text vectors are made of. @throws ModelError */
  features(): Features {
    return featuresOf(this.model.graph, this.#found);
  }

  /** Output that is a vector a text. */
  sentence(): Sized | undefined {
    const { outputs } = this.#found.head;
    const output = outputs.find(({ kind }) => kind === 'sentence') ?? outputs.find(({ kind }) => kind === 'pooled');
    return output?.size === undefined ? undefined : { value: output.name, size: output.size };
  }

  #attention(i: number): Attention {
    return this.#encoder.layers[i]!.attention;
  }

  #sized(value: string, rank: number, what: string): Sized {
    const dims = this.#trace.dims(value);
    const size = dims?.at(-1);
    if (dims?.length !== rank || size === undefined)
      throw new ModelError(
        `${what} of the ${this.who}: expected ${rank} axes, found ${dims ? `[${dims.map((d) => d ?? '?').join(', ')}]` : 'an unknown shape'}`,
      );
    return { value, size };
  }
}
