// Where a graph has an axis with an entry a token: tables, decoders, their biases and scales, and the logits up to the outputs.
import { ModelError } from '../../errors.ts';
import { nameOf } from '../../bert/scene.ts';
import { constantTensor } from '../../ir/constants.ts';
import { bitsOf } from '../../ir/dtype.ts';
import type { Node } from '../../ir/graph.ts';
import { intAttr, intsAttr, isStandard } from '../../ir/node.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { constantNumbers, picksAlong, type Sight, type TokenConstant, type TokenNumbers } from './vocabulary-ids.ts';

/** What must change where tokens go. Axes count from the end: -1 is the last. */
export interface VocabularyAxes {
  /** Initializers and outputs of Constant nodes, and their axis of tokens. */
  readonly tensors: ReadonlyMap<string, number>;
  /** Constant rows that are picked from tables. */
  readonly constants: readonly TokenConstant[];
  /** Targets of Reshape, by input 1 of the node, whose last number is the number of tokens. */
  readonly targets: readonly Node[];
  /** Graph outputs whose last axis counts tokens. */
  readonly outputs: ReadonlySet<string>;
}

const elementwise = new Set('Add Sub Mul Div Pow Min Max Sum Where Greater Less GreaterOrEqual LessOrEqual'.split(' '));
/** Operators whose output has the shape of their first input, each entry from its own alone: a Softmax would mix in tokens that go. */
const alike = new Set(
  'Identity Cast Relu Log Exp Neg Abs Tanh Sigmoid Softplus Erf Sqrt Clip Gelu Dropout LeakyRelu Not IsNaN Shape Size'.split(
    ' ',
  ),
);
const reductions = /^Reduce(Sum|Mean|Max|Min|Prod|L1|L2|LogSum|SumSquare|LogSumExp)$/;
/** Operators that move other axes about: the last stays where the trial run gives it the same size. */
const movers = new Set('Slice Squeeze Unsqueeze Gather GatherND Flatten Split'.split(' '));

/** Finds the axes, starting from tables and decoders. */
export class AxisWalk implements VocabularyAxes {
  readonly tensors = new Map<string, number>();
  readonly constants: TokenConstant[] = [];
  readonly targets: Node[] = [];
  readonly outputs = new Set<string>();
  readonly #sight: Sight;
  readonly #numbers: TokenNumbers;
  readonly #rows: number;
  readonly #seen = new Map<string, number>();
  readonly #pending: string[] = [];

  /** @param rows of the token table */
  constructor(sight: Sight, numbers: TokenNumbers, rows: number) {
    this.#sight = sight;
    this.#numbers = numbers;
    this.#rows = rows;
  }

  /** The tensor that `value` is made of has its tokens along `axis` of `value`. Throws ModelError where it is made otherwise. */
  require(value: string, axis: number, reader: Node): void {
    const { graph, uses, trace } = this.#sight;
    const tensor = this.#tensorOf(value);
    if (tensor) return this.#mark(value, tensor, axis, reader);
    const dims = trace.dims(value);
    const size = dims && -axis > dims.length ? 1 : dims?.at(axis);
    const node = uses.producer.get(value);
    // an operand that is the same for all tokens, or that was reached already
    if (size === 1 || this.#seen.get(value) === axis) return;
    if (size === this.#rows && node && isStandard(node) && !graph.initializers.has(value)) {
      if (node.op === 'Transpose') return this.require(node.inputs[0]!, this.#transposed(node, axis, true), node);
      if (node.op === 'DequantizeLinear' || node.op === 'Cast' || node.op === 'Identity')
        return this.require(node.inputs[0]!, axis, node);
      if (elementwise.has(node.op)) return node.inputs.forEach((input) => this.require(input, axis, node));
    }
    throw this.#refused(reader, `'${value}', which is no constant`);
  }

  /** Follow all values with an axis of tokens to their ends. Throws ModelError for an operator that mixes tokens. */
  finish(): void {
    for (let at = this.#pending.pop(); at !== undefined; at = this.#pending.pop()) {
      const axis = this.#seen.get(at)!;
      if (this.#sight.uses.outputs.has(at)) this.outputs.add(at);
      for (const { node, index } of this.#sight.uses.consumers.get(at) ?? []) this.#follow(node, index, axis);
    }
  }

  #tensorOf(value: string): Tensor | undefined {
    const { graph, uses } = this.#sight;
    const node = uses.producer.get(value);
    return graph.initializers.get(value) ?? (node?.op === 'Constant' ? constantTensor(node) : undefined);
  }

  #mark(name: string, { shape, dtype }: Tensor, axis: number, reader: Node): void {
    const size = -axis > shape.length ? 1 : shape.at(axis);
    if (size === 1) return;
    if (size !== this.#rows || bitsOf(dtype) % 8 !== 0 || bitsOf(dtype) === 0)
      throw this.#refused(reader, `'${name}' of ${dtype}[${shape.join(', ')}] beside ${this.#rows} rows of tokens`);
    const known = this.tensors.get(name);
    if (known !== undefined && known !== axis) throw this.#refused(reader, `'${name}' with tokens along two axes`);
    this.tensors.set(name, axis);
    this.#reach(name, axis);
  }

  #reach(value: string | undefined, axis: number): void {
    if (!value || this.#seen.has(value)) return;
    this.#seen.set(value, axis);
    this.#pending.push(value);
  }

  #follow(node: Node, index: number, axis: number): void {
    const [out] = node.outputs;
    if (/^Q?EmbedLayerNormalization$/.test(node.op) && index === 2) return;
    if (!isStandard(node) || index < 0) throw this.#refused(node, 'it');
    if (node.op === 'Gather' && index === 0 && picksAlong(node, axis, this.#rank(node.inputs[0])))
      return this.#pick(node);
    if (node.op === 'DequantizeLinear') return this.#dequantize(node, index, axis);
    if (alike.has(node.op)) return node.op === 'Shape' || node.op === 'Size' ? undefined : this.#reach(out, axis);
    if (node.op === 'Transpose') return this.#reach(out, this.#transposed(node, axis, false));
    if (elementwise.has(node.op)) {
      for (const input of node.inputs) this.require(input, axis, node);
      return this.#reach(out, axis);
    }
    if (axis === -1 && index === 1 && (node.op === 'MatMul' || node.op === 'MatMulInteger')) {
      if (node.inputs[3]) this.require(node.inputs[3], axis, node);
      return this.#reach(out, -1);
    }
    if (node.op === 'Gemm' && index === 1 && axis === (intAttr(node, 'transB') === 1 ? -2 : -1)) {
      if (node.inputs[2]) this.require(node.inputs[2], -1, node);
      return this.#reach(out, -1);
    }
    if (node.op === 'Gemm' && index === 2 && axis === -1) return this.#reach(out, -1);
    if (node.op === 'MatMulInteger' && index === 3) return;
    if (index === 0 && axis === -1 && this.#ends(node)) return;
    throw this.#refused(node, 'it');
  }

  /** Rows picked from a table: by token numbers, or by constants that are some. */
  #pick(node: Node): void {
    if (this.#numbers.values.has(node.inputs[1]!)) return;
    if (this.constants.some((one) => one.node === node)) return;
    this.constants.push({ ...constantNumbers(this.#sight, node, 1), relation: 'row' });
  }

  /** Scales and zero points go with the rows where each row has its own. */
  #dequantize(node: Node, index: number, axis: number): void {
    const rank = this.#rank(node.inputs[0]);
    const along = intAttr(node, 'axis') ?? 1;
    const own = (along < 0 ? along : along - rank) === axis;
    if (index > 0) return;
    for (const vector of node.inputs.slice(1)) if (vector && own) this.require(vector, -1, node);
    this.#reach(node.outputs[0], axis);
  }

  /** What is done with logits: reduced over other axes, moved about, or reshaped. */
  #ends(node: Node): boolean {
    const { trace } = this.#sight;
    const [value, out] = [node.inputs[0], node.outputs[0]];
    const kept = trace.dims(out)?.at(-1) === this.#rows;
    if (reductions.test(node.op) ? kept && !this.#overLast(node) : movers.has(node.op) && kept) {
      for (const output of node.outputs) this.#reach(output, -1);
      return true;
    }
    if (node.op !== 'Reshape' || !kept) return false;
    const target = trace.known(node.inputs[1]);
    if (target && target.data[target.data.length - 1] === this.#rows) {
      if (!this.#tensorOf(node.inputs[1]!)) throw this.#refused(node, `'${value}', whose new shape is computed`);
      this.targets.push(node);
    }
    this.#reach(out, -1);
    return true;
  }

  #overLast(node: Node): boolean {
    const axes = intsAttr(node, 'axes') ?? Array.from(this.#sight.trace.known(node.inputs[1])?.data ?? [-1]);
    const rank = this.#rank(node.inputs[0]);
    return axes.some((axis) => axis === -1 || axis === rank - 1);
  }

  #rank(value: string | undefined): number {
    return this.#sight.trace.dims(value)?.length ?? 2;
  }

  /** The axis behind a Transpose, or before it: output axis i is input axis perm[i]. */
  #transposed(node: Node, axis: number, back: boolean): number {
    const rank = this.#rank(node.inputs[0]);
    const perm = intsAttr(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return (back ? perm[rank + axis]! : perm.indexOf(rank + axis)) - rank;
  }

  #refused(node: Node, what: string): ModelError {
    return new ModelError(
      `vocabulary: expected tables and decoders whose tokens can be taken out, found ${what} in the way (node '${nameOf(node)}', op ${node.op})`,
    );
  }
}
