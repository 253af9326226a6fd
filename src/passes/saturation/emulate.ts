// Rewrites 8-bit products so that they give on any CPU what an x86 CPU without VNNI gives: pairs of products saturate in 16 bits.
// sum over pairs of clip(a0 b0 + a1 b1, -32768, 32767), as vpmaddubsw computes it (MLAS packs neighbours along the inner dimension).
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { makeNode, type AttrValue } from '../../ir/node.ts';
import { sweep } from '../../ir/sweep.ts';
import { floats, int64s, memoryTensor, type Tensor } from '../../ir/tensor.ts';
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
    return new Emulation(graph, names, model.opsets.get('') ?? 0, node, weight).nodes;
  });
  if (count === 0) {
    throw new ModelError(
      '--emulate-saturation: expected MatMulInteger with int8 weights, found none: other quantized operators are not emulated',
    );
  }
  sweep(graph);
  return model;
}

class Emulation {
  readonly nodes: Node[] = [];
  readonly #graph: Graph;
  readonly #names: Names;
  readonly #opset: number;
  readonly #prefix: string;

  constructor(graph: Graph, names: Names, opset: number, node: Node, weight: Tensor) {
    this.#opset = opset;
    this.#graph = graph;
    this.#names = names;
    this.#prefix = node.outputs[0]!;
    const [inner = 0, columns = 0] = weight.shape;
    const [a = '', b = '', zeroA = '', zeroB = ''] = node.inputs;
    const values = this.#floats(a, inner);
    const sums = this.#pairs(values, weight, inner, columns);
    // sum (a - za)(b - zb) = sum ab - za sum b - zb sum a + n za zb, the first sum saturated
    const first =
      zeroA === '' ? sums : this.#op('Sub', sums, this.#op('Mul', this.#cast(zeroA), this.#columnSums(b, weight)));
    const all = this.#isZero(zeroB) ? first : this.#withoutOffset(first, values, zeroA, zeroB, inner);
    const integers = this.#cast(all, 6n);
    const shape = this.#op('Concat', { axis: 0n }, this.#leading(a), this.#ints([columns]));
    this.nodes.push(makeNode('Reshape', [integers, shape], [node.outputs[0]!], { name: this.#name('reshape') }));
  }

  /** [tokens, inner] float, the inner dimension made even. */
  #floats(a: string, inner: number): string {
    const flat = this.#op('Reshape', this.#cast(a), this.#ints([-1, inner]));
    return inner % 2 === 0 ? flat : this.#op('Pad', flat, this.#ints([0, 0, 0, 1]));
  }

  /** [tokens, columns]: the saturated sums. */
  #pairs(values: string, weight: Tensor, inner: number, columns: number): string {
    const half = Math.ceil(inner / 2);
    const split = this.#op('Reshape', values, this.#ints([-1, half, 2]));
    const pairs = this.#op('Transpose', { perm: [1n, 0n, 2n] }, split);
    const integers = new Int8Array(weight.bytes().slice().buffer);
    const padded = new Float32Array(2 * half * columns);
    padded.set(integers);
    const products = this.#op('MatMul', pairs, this.#constant(memoryTensor('float32', [half, 2, columns], padded)));
    const clipped = this.#op('Clip', products, this.#scalar(-32768), this.#scalar(32767));
    return this.#sum(clipped, 0);
  }

  #columnSums(name: string, weight: Tensor): string {
    const [inner = 0, columns = 0] = weight.shape;
    const sums = new Float32Array(columns);
    const values = new Int8Array(weight.bytes().slice().buffer);
    for (let row = 0; row < inner; row++) for (let i = 0; i < columns; i++) sums[i]! += values[row * columns + i]!;
    return this.#constant(memoryTensor('float32', [columns], sums), `${name}_sums`);
  }

  #withoutOffset(sums: string, values: string, zeroA: string, zeroB: string, inner: number): string {
    const offset = this.#cast(zeroB);
    const rows = this.#op('Mul', this.#sum(values, 1, true), offset);
    const rest = this.#op('Sub', sums, rows);
    if (zeroA === '') return rest;
    return this.#op('Add', rest, this.#op('Mul', this.#op('Mul', this.#cast(zeroA), offset), this.#scalar(inner)));
  }

  /** ReduceSum takes its axes as an attribute before opset 13, as an input from there on. */
  #sum(value: string, axis: 0 | 1, keep = false): string {
    const keepdims = keep ? 1n : 0n;
    return this.#opset < 13
      ? this.#op('ReduceSum', { axes: [BigInt(axis)], keepdims }, value)
      : this.#op('ReduceSum', { keepdims }, value, this.#ints([axis]));
  }

  #isZero(name: string): boolean {
    return (
      name === '' ||
      (this.#graph.initializers
        .get(name)
        ?.bytes()
        .every((byte) => byte === 0) ??
        false)
    );
  }

  #leading(a: string): string {
    return this.#op('Slice', this.#op('Shape', a), this.#ints([0]), this.#ints([-1]));
  }

  #cast(value: string, to = 1n): string {
    return this.#op('Cast', { to }, value);
  }

  #scalar(value: number): string {
    return this.#constant(floats([], [value]));
  }

  #ints(values: readonly number[]): string {
    return this.#constant(int64s([values.length], values));
  }

  #constant(tensor: Tensor, name = `${this.#prefix}_constant`): string {
    const fresh = this.#names.fresh(name);
    this.#graph.initializers.set(fresh, tensor);
    return fresh;
  }

  #op(op: string, ...given: (string | Readonly<Record<string, AttrValue>>)[]): string {
    const inputs = given.filter((one) => typeof one === 'string');
    const attrs = Object.assign({}, ...given.filter((one) => typeof one !== 'string')) as Record<string, AttrValue>;
    const output = this.#names.fresh(`${this.#prefix}_${op}`);
    this.nodes.push(makeNode(op, inputs, [output], { name: this.#name(op), attrs }));
    return output;
  }

  #name(what: string): string {
    return this.#names.fresh(`${this.#prefix}_saturated_${what}`);
  }
}
