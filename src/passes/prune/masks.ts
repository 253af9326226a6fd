// A factor of one for every head and neuron, as an initializer that can be trained: what a penalty on the factors drives to zero is not needed.
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { makeNode } from '../../ir/node.ts';
import { floats } from '../../ir/tensor.ts';
import { groupsOf, type Site } from './sites.ts';

export interface Masked {
  readonly model: Model;
  /** Initializer [units] of each site; sites that share weights share it. */
  readonly masks: readonly string[];
}

/** The model with what each site reads multiplied by its units' factors: features x [units, unit], all 1. */
export function withMasks(input: Model, sites: readonly Site[]): Masked {
  const model = cloneModel(input);
  const { graph } = model;
  const builder = new Builder(graph, model.opsets.get('') ?? 13, 'mask');
  const masks: string[] = [];
  const factors = new Map<string, string>();
  for (const group of groupsOf(sites)) {
    const { units, unit } = sites[group[0]!]!;
    const mask = builder.tensor(floats([units], new Float32Array(units).fill(1)), 'units');
    for (const s of group) {
      masks[s] = mask;
      factors.set(sites[s]!.dense.input, unit === 1 ? mask : spread(builder, mask, units, unit));
    }
  }
  const nodes = [...builder.nodes];
  const readers = new Set(sites.map(({ dense }) => dense.node.outputs[0]));
  graph.nodes = graph.nodes.flatMap((node) => {
    const factor = readers.has(node.outputs[0] ?? '') ? factors.get(node.inputs[0]!) : undefined;
    if (factor === undefined) return [node];
    const masked = builder.fresh('masked');
    const product = makeNode('Mul', [node.inputs[0]!, factor], [masked], { name: builder.fresh('product') });
    return [product, { ...node, inputs: [masked, ...node.inputs.slice(1)] }];
  });
  graph.nodes = [...nodes, ...graph.nodes];
  return { model, masks };
}

/** [units] as one for each feature. */
function spread(builder: Builder, mask: string, units: number, unit: number): string {
  const column = builder.op('Reshape', [mask, builder.ints([units, 1])]);
  const ones = builder.tensor(floats([1, unit], new Float32Array(unit).fill(1)), 'ones');
  return builder.op('Reshape', [builder.op('Mul', [column, ones]), builder.ints([units * unit])]);
}
