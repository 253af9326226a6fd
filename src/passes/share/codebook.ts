// Clustered weights: a codebook of 256 or 16 numbers a weight and an 8- or 4-bit code a number (Han et al. 2016), put together again by Gather.
// onnxruntime computes that once, when it loads the model: the file is smaller, the model runs as before.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { Recognition } from '../../bert/types.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { Builder } from '../../ir/builder.ts';
import { makeNode } from '../../ir/node.ts';
import { asFloat32, elementCount, floats, memoryTensor, type Tensor } from '../../ir/tensor.ts';
import { entropyBits, kMeans } from '../../math/k-means.ts';
import { definePass, type Skip } from '../pass.ts';

/** Smaller tensors stay: three nodes would take what is saved. */
const LEAST = 4096;
const UINT8 = 2n;
const INT32 = 6n;

const options = z.object({
  entries: z.union([z.literal(256), z.literal(16)]).describe('numbers of a codebook: 8 or 4 bits a weight'),
});

export const codebook = definePass({
  name: 'codebook',
  summary: 'weights as codes of a k-means codebook',
  options,
  run(input, { entries }, context) {
    const found = candidates(input, recognise(input));
    const model = cloneModel(input);
    const { graph } = model;
    const builder = new Builder(graph, model.opsets.get('') ?? 1, 'codebook');
    const skipped: Skip[] = [];
    let [weights, values, bits, squares, all] = [0, 0, 0, 0, 0];
    for (const [i, { name, tensor }] of found.entries()) {
      const numbers = asFloat32(tensor);
      const { centres, codes, error } = kMeans(numbers, entries);
      graph.initializers.delete(name);
      decode(builder, { name, tensor, centres, codes, entries });
      weights++;
      values += codes.length;
      bits += entropyBits(codes) * codes.length;
      squares += error * codes.length;
      for (const x of numbers) all += x * x;
      context.progress(i + 1, found.length);
    }
    graph.nodes.unshift(...builder.nodes);
    const stats = {
      weights,
      'bits a weight, entropy': values === 0 ? 0 : bits / values,
      'signal to noise, dB': squares === 0 ? 0 : 10 * Math.log10(all / squares),
    };
    return { model, changed: weights > 0, stats, skipped };
  },
  plan(input) {
    return { applicable: candidates(input, recognise(input)).length, skipped: [] };
  },
});

interface Named {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Float32 initializers of the recognised tables and dense layers. */
function candidates({ graph }: Model, { encoders, denses, head }: Recognition): Named[] {
  const names = new Set([
    ...encoders.flatMap(({ embeddings }) => embeddings.map(({ weight }) => weight.name)),
    ...[...denses, ...head.denses].map(({ weight }) => weight.name),
  ]);
  const outside = new Set(graph.inputs.map((input) => input.name));
  return [...names].flatMap((name) => {
    const tensor = graph.initializers.get(name);
    const fits = tensor?.dtype === 'float32' && elementCount(tensor.shape) >= LEAST && !outside.has(name);
    return fits ? [{ name, tensor }] : [];
  });
}

interface Coded extends Named {
  readonly centres: Float32Array;
  readonly codes: Uint8Array;
  readonly entries: 256 | 16;
}

/** Nodes that give the weight under its own name. */
function decode(builder: Builder, { name, tensor, centres, codes, entries }: Coded): void {
  const book = builder.tensor(floats([centres.length], centres));
  const stored =
    entries === 16
      ? unpacked(builder, codes, tensor.shape)
      : builder.tensor(memoryTensor('uint8', tensor.shape, codes));
  const indices = builder.op('Cast', [stored], { to: INT32 });
  builder.nodes.push(makeNode('Gather', [book, indices], [name]));
}

/** Two codes a byte: the high one is byte >> 4, the low one byte - (high << 4). */
function unpacked(builder: Builder, codes: Uint8Array, shape: readonly number[]): string {
  const bytes = new Uint8Array(Math.ceil(codes.length / 2));
  codes.forEach((code, i) => (bytes[i >> 1]! |= i % 2 === 0 ? code << 4 : code));
  const packed = builder.tensor(memoryTensor('uint8', [bytes.length, 1], bytes));
  const four = builder.tensor(memoryTensor('uint8', [1], Uint8Array.of(4)));
  const high = builder.op('BitShift', [packed, four], { direction: 'RIGHT' });
  const back = builder.op('BitShift', [high, four], { direction: 'LEFT' });
  const low = builder.op('Cast', [builder.op('Sub', [asInt(builder, packed), asInt(builder, back)])], { to: UINT8 });
  const both = builder.op('Concat', [high, low], { axis: 1n });
  const flat = builder.op('Reshape', [both, builder.ints([2 * bytes.length])]);
  const cut =
    codes.length % 2 === 0 ? flat : builder.op('Slice', [flat, builder.ints([0]), builder.ints([codes.length])]);
  return builder.op('Reshape', [cut, builder.ints(shape)]);
}

function asInt(builder: Builder, value: string): string {
  return builder.op('Cast', [value], { to: INT32 });
}
