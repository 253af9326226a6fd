// Writes the nodes of the backward graph: an expression that was written before is not written again.
import type { Attrs, Builder } from '../ir/builder.ts';
import type { Node } from '../ir/graph.ts';
import { makeNode } from '../ir/node.ts';
import { floats, int64s, type Tensor } from '../ir/tensor.ts';

/** How FusedMatMul reads its operands. */
export interface ProductOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
}

export class Emit {
  readonly builder: Builder;
  /** Set once com.microsoft is used. */
  fused = false;
  readonly #memo = new Map<string, string>();

  constructor(builder: Builder) {
    this.builder = builder;
  }

  get opset(): number {
    return this.builder.opset;
  }

  op(op: string, inputs: readonly string[], attrs: Attrs = {}, domain = ''): string {
    return this.ops(op, inputs, 1, attrs, domain)[0]!;
  }

  ops(op: string, inputs: readonly string[], outputs: number, attrs: Attrs = {}, domain = ''): string[] {
    const key = JSON.stringify([domain, op, inputs, outputs, attrs], (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    const before = this.#memo.get(key);
    if (before !== undefined) return JSON.parse(before) as string[];
    if (domain === 'com.microsoft') this.fused = true;
    const made = this.builder.ops(op, inputs, outputs, attrs, domain);
    this.#memo.set(key, JSON.stringify(made));
    return made;
  }

  /** A node whose output has a given name; it is not put among the builder's nodes. */
  named(op: string, inputs: readonly string[], output: string): Node {
    return makeNode(op, inputs, [output], { name: this.builder.fresh(`${op}_node`) });
  }

  add = (a: string, b: string): string => this.op('Add', [a, b]);
  sub = (a: string, b: string): string => this.op('Sub', [a, b]);
  mul = (a: string, b: string): string => this.op('Mul', [a, b]);
  div = (a: string, b: string): string => this.op('Div', [a, b]);
  neg = (a: string): string => this.op('Neg', [a]);
  scalar = (value: number): string => this.builder.scalar(value);
  ints = (values: readonly number[]): string => this.builder.ints(values);

  /** An int64 scalar. */
  scalarInt(value: number): string {
    return this.constant(`scalar ${value}`, () => int64s([], [value]));
  }

  /** A list of float32. */
  floats(values: readonly number[]): string {
    return this.constant(`floats ${values.join(',')}`, () => floats([values.length], values));
  }

  /** A constant that is stored once under a key of the caller's. */
  constant(key: string, make: () => Tensor): string {
    let name = this.#memo.get(key);
    if (name === undefined) this.#memo.set(key, (name = this.builder.tensor(make())));
    return name;
  }

  scale(a: string, by: number): string {
    return by === 1 ? a : this.mul(a, this.scalar(by));
  }

  cast(value: string, code: number): string {
    return this.op('Cast', [value], { to: BigInt(code) });
  }

  shape(value: string): string {
    return this.op('Shape', [value]);
  }

  /** Size of one axis, int64 [1]. */
  size(value: string, axis: number): string {
    return this.op('Gather', [this.shape(value), this.ints([axis])]);
  }

  transpose(value: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? value : this.op('Transpose', [value], { perm: perm.map(BigInt) });
  }

  reshape(value: string, to: readonly number[]): string {
    return this.op('Reshape', [value, this.ints(to)]);
  }

  unsqueeze(value: string, axes: readonly number[]): string {
    if (axes.length === 0) return value;
    return this.opset < 13
      ? this.op('Unsqueeze', [value], { axes: axes.map(BigInt) })
      : this.op('Unsqueeze', [value, this.ints(axes)]);
  }

  sum(value: string, axes: readonly number[], keepdims: boolean): string {
    if (axes.length === 0) return value;
    const keep = { keepdims: keepdims ? 1n : 0n };
    return this.opset < 13
      ? this.op('ReduceSum', [value], { axes: axes.map(BigInt), ...keep })
      : this.op('ReduceSum', [value, this.ints(axes)], keep);
  }

  mean(value: string, axes: readonly number[]): string {
    return this.opset < 18
      ? this.op('ReduceMean', [value], { axes: axes.map(BigInt), keepdims: 1n })
      : this.op('ReduceMean', [value, this.ints(axes)], { keepdims: 1n });
  }

  /** Zeros of a value's shape. */
  zerosLike(value: string): string {
    return this.op('Expand', [this.scalar(0), this.shape(value)]);
  }

  /** Matrix product over the last two axes, operands transposed as they are read. */
  matmul(a: string, b: string, { transA = false, transB = false, alpha = 1 }: ProductOptions = {}): string {
    if (!transA && !transB && alpha === 1) return this.op('MatMul', [a, b]);
    const attrs = { transA: transA ? 1n : 0n, transB: transB ? 1n : 0n, alpha };
    return this.op('FusedMatMul', [a, b], attrs, 'com.microsoft');
  }
}
