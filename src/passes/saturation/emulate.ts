// Rewrites 8-bit products so that they give on any CPU what an x86 CPU without VNNI gives: pairs of products saturate in 16 bits.
// sum over pairs of clip(a0 b0 + a1 b1, -32768, 32767), as vpmaddubsw computes it (MLAS packs neighbours along the inner dimension).
import { ModelError } from '../../errors.ts';
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { makeNode } from '../../ir/node.ts';
import { sweep } from '../../ir/sweep.ts';
import { memoryTensor, type Tensor } from '../../ir/tensor.ts';
import { indexUses } from '../../ir/uses.ts';
import { signedWeight } from './weight.ts';

/**
 * A model in float32 products of the same integers; slow and large: [inner / 2, tokens, columns] numbers a product.
 * @throws ModelError where no MatMulInteger has an int8 weight in the file
 */
export function emulateSaturation(input: Model): Model {
  const model = cloneModel(input);
  const { graph } = model;
  const names = new Names(graph);
  const uses = indexUses(graph);
  let count = 0;
  graph.nodes = graph.nodes.flatMap((node) => {
    const weight = node.op === 'MatMulInteger' ? signedWeight(graph, uses, node.inputs[1] ?? '') : undefined;
    if (weight?.shape.length !== 2) return [node];
    count++;
    const builder = new Builder(graph, model.opsets.get('') ?? 0, node.outputs[0]!, names);
    return saturated(graph, builder, node, weight);
  });
  if (count === 0) {
    throw new ModelError(
      '--emulate-saturation: expected MatMulInteger with int8 weights, found none: other quantized operators are not emulated',
    );
  }
  sweep(graph);
  return model;
}

/** Nodes that stand for a MatMulInteger. */
function saturated(graph: Graph, builder: Builder, node: Node, weight: Tensor): Node[] {
  const [inner = 0, columns = 0] = weight.shape;
  const [a = '', , zeroA = '', zeroB = ''] = node.inputs;
  const float = (value: string): string => builder.op('Cast', [value], { to: 1n });
  const values = padded(builder, builder.op('Reshape', [float(a), builder.ints([-1, inner])]), inner);
  // sum (a - za)(b - zb) = sum ab - za sum b - zb sum a + n za zb, the first sum saturated
  let sums = pairSums(builder, values, weight);
  if (zeroA !== '') {
    sums = builder.op('Sub', [sums, builder.op('Mul', [float(zeroA), builder.tensor(columnSums(weight), 'sums')])]);
  }
  if (!isZero(graph, zeroB)) {
    const offset = float(zeroB);
    sums = builder.op('Sub', [sums, builder.op('Mul', [builder.reduceSum(values, [1], true), offset])]);
    const both =
      zeroA === '' ? undefined : builder.op('Mul', [builder.op('Mul', [float(zeroA), offset]), builder.scalar(inner)]);
    if (both !== undefined) sums = builder.op('Add', [sums, both]);
  }
  const integers = builder.op('Cast', [sums], { to: 6n });
  const leading = builder.op('Slice', [builder.op('Shape', [a]), builder.ints([0]), builder.ints([-1])]);
  const shape = builder.op('Concat', [leading, builder.ints([columns])], { axis: 0n });
  return [
    ...builder.nodes,
    makeNode('Reshape', [integers, shape], [node.outputs[0]!], { name: builder.fresh('reshape') }),
  ];
}

/** [tokens, inner] with the inner dimension made even. */
function padded(builder: Builder, values: string, inner: number): string {
  return inner % 2 === 0 ? values : builder.op('Pad', [values, builder.ints([0, 0, 0, 1])]);
}

/** [tokens, columns]: the saturated sums. */
function pairSums(builder: Builder, values: string, weight: Tensor): string {
  const [inner = 0, columns = 0] = weight.shape;
  const half = Math.ceil(inner / 2);
  const split = builder.op('Reshape', [values, builder.ints([-1, half, 2])]);
  const pairs = builder.op('Transpose', [split], { perm: [1n, 0n, 2n] });
  const even = new Float32Array(2 * half * columns);
  even.set(signed(weight));
  const products = builder.op('MatMul', [pairs, builder.tensor(memoryTensor('float32', [half, 2, columns], even))]);
  const clipped = builder.op('Clip', [products, builder.scalar(-32768), builder.scalar(32767)]);
  return builder.reduceSum(clipped, [0], false);
}

function columnSums(weight: Tensor): Tensor {
  const columns = weight.shape[1] ?? 0;
  const sums = new Float32Array(columns);
  signed(weight).forEach((value, i) => (sums[i % columns]! += value));
  return memoryTensor('float32', [columns], sums);
}

function isZero(graph: Graph, name: string): boolean {
  return (
    name === '' ||
    (graph.initializers
      .get(name)
      ?.bytes()
      .every((byte) => byte === 0) ??
      false)
  );
}

function signed(tensor: Tensor): Int8Array {
  const bytes = tensor.bytes();
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
