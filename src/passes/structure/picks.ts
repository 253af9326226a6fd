// Features that dense layers lose: collected for all layers, then applied to the constants.
import { nameOf } from '../../bert/scene.ts';
import type { Dense, Weight } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { pick, scaled, squares } from './pick.ts';

/** Which side of a dense layer: the features it reads, or those it gives. */
export type Side = 'in' | 'out';

/** Slices of one constant that stay, and who reads them. */
interface Wanted {
  readonly name: string;
  readonly tensor: Tensor;
  readonly axis: number;
  readonly indices: readonly number[];
  /** What each slice is multiplied by. */
  readonly factors: readonly number[] | undefined;
  readonly readers: number;
  /** First outputs of the nodes that read the constant. */
  readonly users: Set<string>;
  count: number;
}

export class Picks {
  readonly #wanted = new Map<string, Wanted>();

  /**
   * Keep these features of one side of a dense layer, with its bias on the side out; `factors` multiply the weights of each.
   * Throws ModelError.
   */
  keep(dense: Dense, side: Side, indices: readonly number[], factors?: readonly number[]): void {
    this.#add(dense.node, dense.weight, axisOf(dense, side), indices, factors);
    if (side === 'out' && dense.bias) {
      const { node, weight } = dense.bias;
      this.#add(node, weight, weight.tensor.shape.length - 1, indices);
    }
  }

  #add(node: Node, weight: Weight, axis: number, indices: readonly number[], factors?: readonly number[]): void {
    const { name, tensor, readers, through } = weight;
    const key = `${name} ${axis} ${indices.join()} ${factors?.join() ?? ''}`;
    const wanted = this.#wanted.get(key) ?? {
      name,
      tensor,
      axis,
      indices,
      factors,
      readers,
      users: new Set(),
      count: 0,
    };
    wanted.users.add((through[0] ?? node).outputs[0]!);
    wanted.count++;
    this.#wanted.set(key, wanted);
  }

  /** Put the smaller constants into the graph: under their names, under new ones where others go on reading the whole. */
  apply(graph: Graph): void {
    const names = new Names(graph);
    for (const wanted of this.#wanted.values()) {
      const { name, tensor, axis, indices, factors, users } = wanted;
      const picked = pick(tensor, axis, indices);
      const smaller = factors ? scaled(picked, axis, factors) : picked;
      if (wanted.count === wanted.readers) replace(graph, name, smaller);
      else {
        const own = names.fresh(`${name}_narrow`);
        graph.initializers.set(own, smaller);
        graph.nodes = graph.nodes.map((node) =>
          users.has(node.outputs[0]!)
            ? { ...node, inputs: node.inputs.map((input) => (input === name ? own : input)) }
            : node,
        );
      }
    }
  }
}

/** A Constant node becomes an initializer of its name; one that is a graph input too (IR version 3) changes its shape. */
function replace(graph: Graph, name: string, tensor: Tensor): void {
  graph.initializers.set(name, tensor);
  graph.nodes = graph.nodes.filter((node) => node.outputs[0] !== name);
  graph.inputs = graph.inputs.map((input) => (input.name === name ? { ...input, shape: tensor.shape } : input));
}

/** Sum of squares of the weights of each feature of one side. */
export function featureSquares(dense: Dense, side: Side): Float64Array {
  return squares(dense.weight.tensor, axisOf(dense, side));
}

/** Axis of the stored weight. Throws ModelError for a form whose features are not one axis of it. */
export function axisOf(dense: Dense, side: Side): number {
  const { weight, op, node } = dense;
  const turned = weight.through.filter((one) => one.op === 'Transpose').length % 2 === 1;
  const plain = weight.through.every((one) => one.op === 'Identity' || one.op === 'Transpose');
  if (weight.dtype !== 'float32' || !plain || !/^(MatMul|Gemm|FusedMatMul|FusedGemm|Conv|Attention)$/.test(op))
    throw new ModelError(
      `'${nameOf(node)}': expected MatMul, Gemm or Conv with float32 weights to narrow, found ${op} of ${weight.dtype}${
        plain ? '' : ` behind ${weight.through.map((one) => one.op).join(', ')}`
      }`,
    );
  const rank = weight.tensor.shape.length;
  if (op === 'Conv') {
    if ((dense.groups ?? 1) !== 1)
      throw new ModelError(`'${nameOf(node)}': expected a convolution of one group to narrow, found ${dense.groups}`);
    return side === 'out' ? 0 : 1;
  }
  const first = (side === 'out') === (dense.outFirst !== turned);
  return first ? rank - 2 : rank - 1;
}
