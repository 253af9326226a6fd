// What heads and neurons cost: multiply-adds and numbers of weights of one head or neuron of each block.
import type { Block } from '../structure/blocks.ts';
import type { KeepPlan, KeptLayer } from './keep-plan.ts';

/** Size of an input in texts and tokens. */
export interface Shape {
  readonly batch: number;
  readonly sequence: number;
}

/** Cost of one head and of one neuron of each feed-forward block of a layer. */
export interface LayerCost {
  readonly head: number;
  readonly neurons: readonly number[];
}

/**
 * Multiply-adds of one text of `sequence` tokens: of a head the products with its weights and, of Q K^T and P V, 2 sequence^2
 * times its size; of a neuron the products with its weights (Kwon et al. 2022, appendix).
 */
export function macCosts(blocks: readonly Block[], sequence: number): LayerCost[] {
  return costs(blocks, (weights) => sequence * weights, (size) => 2 * sequence ** 2 * size); // prettier-ignore
}

/** Numbers in the weights of a head and of a neuron, biases not counted. */
export function weightCosts(blocks: readonly Block[]): LayerCost[] {
  return costs(blocks, (weights) => weights, () => 0); // prettier-ignore
}

function costs(
  blocks: readonly Block[],
  product: (weights: number) => number,
  attend: (headSize: number) => number,
): LayerCost[] {
  return blocks.map(({ attention, ffn }) => {
    const { query, key, value, output, headSize = 0, packed } = attention;
    const width = (query?.inFeatures ?? 0) + (key?.inFeatures ?? 0) + (value?.inFeatures ?? 0);
    const read = packed ? 3 * (query?.inFeatures ?? 0) : width;
    return {
      head: product(headSize * (read + (output?.outFeatures ?? 0))) + attend(headSize),
      neurons: ffn.map((one) =>
        product(one.in.reduce((sum, dense) => sum + dense.inFeatures, 0) * (one.gated === 'split' ? 2 : 1) + one.out.outFeatures),
      ), // prettier-ignore
    };
  });
}

/** Cost of all heads and neurons. */
export function wholeCost(blocks: readonly Block[], costs: readonly LayerCost[]): number {
  return sum(blocks.map((block, i) => costOf(costs[i]!, block.attention.heads ?? 0, block.ffn.map((one) => one.width)))); // prettier-ignore
}

/** Cost of what a plan keeps. */
export function keptCost({ layers }: KeepPlan, costs: readonly LayerCost[]): number {
  const of = ({ heads, ffn }: KeptLayer, i: number): number =>
    costOf(costs[i]!, heads.length, ffn.map((kept) => kept.length)); // prettier-ignore
  return sum(layers.map(of));
}

function costOf({ head, neurons }: LayerCost, heads: number, widths: readonly number[]): number {
  return heads * head + sum(widths.map((width, i) => width * neurons[i]!));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
