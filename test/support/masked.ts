// The whole model with the outputs of heads and neurons multiplied by 0 or a scale: what a pruned one has to equal.
import { cloneModel } from '../../src/ir/clone.ts';
import type { Dense } from '../../src/bert/types.ts';
import type { Graph, Model } from '../../src/ir/graph.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats } from '../../src/ir/tensor.ts';
import type { KeptLayer } from '../../src/passes/prune/keep-plan.ts';
import type { Block } from '../../src/passes/structure/blocks.ts';

/** A product by the mask is put before each output projection. */
export function masked(model: Model, blocks: readonly Block[], layers: readonly KeptLayer[]): Model {
  const copy = cloneModel(model);
  for (const [i, { heads, headScales, ffn, ffnScales }] of layers.entries()) {
    const { attention, ffn: owned } = blocks[i]!;
    const perHead = maskOf(attention.heads!, heads, headScales);
    if (perHead.some((x) => x !== 1)) {
      const size = attention.output!.inFeatures / attention.heads!;
      multiply(copy.graph, attention.output!, perHead.flatMap((x) => Array<number>(size).fill(x)), `${i}.heads`); // prettier-ignore
    }
    for (const [j, kept] of ffn.entries()) {
      const perNeuron = maskOf(owned[j]!.width, kept, ffnScales?.[j]);
      if (perNeuron.some((x) => x !== 1)) multiply(copy.graph, owned[j]!.out, perNeuron, `${i}.ffn.${j}`);
    }
  }
  return copy;
}

function maskOf(count: number, kept: readonly number[], scales: readonly number[] | undefined): number[] {
  const mask = Array<number>(count).fill(0);
  for (const [i, at] of kept.entries()) mask[at] = scales?.[i] ?? 1;
  return mask;
}

function multiply(graph: Graph, { node, op }: Dense, mask: readonly number[], name: string): void {
  const at = graph.nodes.findIndex((one) => one.outputs[0] === node.outputs[0]);
  const reader = graph.nodes[at]!;
  const channels = op.includes('Conv') ? [mask.length, 1] : [mask.length];
  graph.initializers.set(`mask.${name}`, floats(channels, mask));
  const data = reader.inputs.findIndex((input) => !graph.initializers.has(input));
  const product = makeNode('Mul', [reader.inputs[data]!, `mask.${name}`], [`masked.${name}`], { name: `mask.${name}` });
  graph.nodes.splice(at, 1, product, { ...reader, inputs: reader.inputs.with(data, `masked.${name}`) });
}
