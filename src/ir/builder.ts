// Appends nodes to a graph: names are made, constants that are equal are stored once.
import type { Graph, Node } from './graph.ts';
import { Names } from './names.ts';
import { makeNode, type AttrValue } from './node.ts';
import { floats, int64s, type Tensor } from './tensor.ts';

/** Attributes of a node. */
export type Attrs = Readonly<Record<string, AttrValue>>;

export class Builder {
  /** The graph's opset of the standard domain. */
  readonly opset: number;
  /** Nodes appended so far, in order; the caller puts them into the graph. */
  readonly nodes: Node[] = [];
  readonly #graph: Graph;
  readonly #names: Names;
  readonly #prefix: string;
  readonly #constants = new Map<string, string>();

  /** @param prefix begins the name of every value that is made */
  constructor(graph: Graph, opset: number, prefix: string, names = new Names(graph)) {
    this.#graph = graph;
    this.opset = opset;
    this.#prefix = prefix;
    this.#names = names;
  }

  /** A node with one output, whose name it gives; '' is an omitted input. */
  op(op: string, inputs: readonly string[], attrs: Attrs = {}, domain = ''): string {
    return this.ops(op, inputs, 1, attrs, domain)[0]!;
  }

  /** A node with several outputs. */
  ops(op: string, inputs: readonly string[], outputs: number, attrs: Attrs = {}, domain = ''): string[] {
    const made = Array.from({ length: outputs }, () => this.fresh(op));
    this.nodes.push(makeNode(op, inputs, made, { name: this.fresh(`${op}_node`), attrs, domain }));
    return made;
  }

  /** A name that nothing has yet. */
  fresh(what: string): string {
    return this.#names.fresh(`${this.#prefix}_${what}`);
  }

  /** An initializer under a fresh name. */
  tensor(tensor: Tensor, what = 'constant'): string {
    const name = this.fresh(what);
    this.#graph.initializers.set(name, tensor);
    return name;
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    return this.#once(`f ${value}`, () => floats([], [value]));
  }

  /** A list of int64. */
  ints(values: readonly number[]): string {
    return this.#once(`i ${values.join(',')}`, () => int64s([values.length], values));
  }

  /** Sum over axes; their place in the node changed with opset 13. */
  reduceSum(value: string, axes: readonly number[], keepdims: boolean): string {
    const keep = { keepdims: keepdims ? 1n : 0n };
    return this.opset < 13
      ? this.op('ReduceSum', [value], { axes: axes.map(BigInt), ...keep })
      : this.op('ReduceSum', [value, this.ints(axes)], keep);
  }

  #once(key: string, make: () => Tensor): string {
    let name = this.#constants.get(key);
    if (name === undefined) this.#constants.set(key, (name = this.tensor(make())));
    return name;
  }
}
