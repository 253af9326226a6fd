// Moves nodes to float16: weights converted, casts on the borders, masks clipped.
import { constantTensor } from '../../ir/constants.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { intAttr, isStandard, makeNode } from '../../ir/node.ts';
import { floats, memoryTensor, readInto, streamedTensor, type Tensor } from '../../ir/tensor.ts';
import { capturedBy } from '../../ir/uses.ts';
import { float32ToFloat16, type HalfStats } from '../../math/float16.ts';
import type { PassContext } from '../pass.ts';
import { renameCaptured } from '../../ir/rename.ts';

const FLOAT32 = 1n;
const FLOAT16 = 10n;
/** A mask keeps clear of -65504, so that adding a score does not reach -infinity (a row of those is NaN after Softmax). */
const CLIP = 32768;
/** A float32 copy beside the float16 one costs less than a cast at run time, up to this many bytes. */
const SMALL_COPY = 65536;

/** Moves the half nodes to float16 and puts casts on the borders. */
export class HalfRewriter {
  readonly stats: Record<string, number> & HalfStats & { weights: number; casts: number } = {
    weights: 0,
    casts: 0,
    overflow: 0,
    underflow: 0,
    nonFinite: 0,
  };
  readonly #graph: Graph;
  readonly #types: ReadonlyMap<string, string>;
  readonly #half: ReadonlySet<Node>;
  readonly #large: ReadonlySet<string>;
  readonly #keepIo: boolean;
  readonly #names: Names;
  readonly #constants = new Map<string, Tensor>();
  /** Values that are float16 under their own name. */
  readonly #isHalf = new Set<string>();
  /** Value -> its name in the other type. */
  readonly #casts = new Map<string, string>();
  readonly #nodes: Node[] = [];

  constructor(
    graph: Graph,
    types: ReadonlyMap<string, string>,
    half: ReadonlySet<Node>,
    large: ReadonlySet<string>,
    keepIo: boolean,
  ) {
    this.#graph = graph;
    this.#types = types;
    this.#half = half;
    this.#large = large;
    this.#keepIo = keepIo;
    this.#names = new Names(graph);
    for (const [name, tensor] of graph.initializers) this.#constants.set(name, tensor);
    for (const node of graph.nodes) {
      const tensor = node.op === 'Constant' && isStandard(node) ? constantTensor(node) : undefined;
      if (tensor) this.#constants.set(node.outputs[0]!, tensor);
    }
  }

  run(context: PassContext): void {
    const { graph } = this;
    this.#convertConstants();
    if (!this.#keepIo)
      for (const { name, dtype } of graph.inputs)
        if (dtype === 'float32' && !graph.initializers.has(name)) this.#isHalf.add(name);
    for (const node of graph.nodes) {
      context.signal?.throwIfAborted();
      if (this.#half.has(node)) this.#toHalf(node);
      else this.#toFloat(node);
    }
    this.#borders();
    graph.nodes = this.#nodes;
    graph.values = graph.values.map((info) => (this.#isHalf.has(info.name) ? { ...info, dtype: 'float16' } : info));
  }

  get graph(): Graph {
    return this.#graph;
  }

  /** Constants read by half nodes become float16; those read by both get two forms. */
  #convertConstants(): void {
    const byHalf = new Set<string>();
    const byFloat = new Set(this.#graph.outputs.map((output) => output.name));
    for (const node of this.#graph.nodes) {
      for (const value of node.inputs) (this.#half.has(node) ? byHalf : byFloat).add(value);
      for (const value of capturedBy(node)) byFloat.add(value);
    }
    const converted = new Set<string>();
    for (const [name, tensor] of this.#constants) {
      if (tensor.dtype !== 'float32' || !byHalf.has(name)) continue;
      converted.add(name);
      const half = this.#halfTensor(tensor);
      this.stats.weights++;
      if (!byFloat.has(name)) {
        this.#graph.initializers.set(name, half);
        this.#isHalf.add(name);
      } else {
        const other = this.#names.fresh(`${name}_fp16`);
        this.#graph.initializers.set(other, half);
        if (tensor.byteLength <= SMALL_COPY || !this.#graph.initializers.has(name)) this.#casts.set(name, other);
        else this.#keepOnlyHalf(name, other);
      }
    }
    // a weight that is an input as well could be overridden with float32 values: it is a constant from now on
    this.#graph.inputs = this.#graph.inputs.filter((input) => !converted.has(input.name));
    // a constant that became an initializer under its own name
    this.#graph.nodes = this.#graph.nodes.filter(
      (node) => !(node.op === 'Constant' && isStandard(node) && this.#isHalf.has(node.outputs[0]!)),
    );
  }

  /** A large weight with float32 readers too: stored once as float16, cast for them. */
  #keepOnlyHalf(name: string, other: string): void {
    this.#graph.initializers.delete(name);
    this.#nodes.push(
      makeNode('Cast', [other], [name], { name: this.#names.fresh(`${name}_cast_to_fp32`), attrs: { to: FLOAT32 } }),
    );
    this.#casts.set(name, other);
    this.stats.casts++;
  }

  /** The tensor as float16, converted when it is written; `stats` is complete then. */
  #halfTensor(tensor: Tensor): Tensor {
    let source = new Int32Array(0);
    let counted = 0; // bytes whose losses are in `stats`: they are counted once, however often the tensor is read
    return streamedTensor('float16', tensor.shape, (into, offset) => {
      const count = into.length / 2;
      if (source.length < count) source = new Int32Array(count);
      const piece = source.subarray(0, count);
      readInto(tensor, new Uint8Array(piece.buffer, 0, 4 * count), 2 * offset);
      const stats = offset >= counted ? this.stats : { overflow: 0, underflow: 0, nonFinite: 0 };
      counted = Math.max(counted, offset + into.length);
      const out =
        into.byteOffset % 2 === 0 ? new Uint16Array(into.buffer, into.byteOffset, count) : new Uint16Array(count);
      float32ToFloat16(piece, out, stats);
      if (out.buffer !== into.buffer) into.set(new Uint8Array(out.buffer));
    });
  }

  #toHalf(node: Node): void {
    const inputs = node.inputs.map((value) => (this.#types.get(value) === 'float32' ? this.#asHalf(value) : value));
    for (const [i, output] of node.outputs.entries())
      if (this.#types.get(output) === 'float32' && !staysFloat(node, i)) this.#isHalf.add(output);
    const moved = retyped({ ...node, inputs });
    this.#nodes.push(
      this.#castsNothing(moved, node) ? makeNode('Identity', inputs, node.outputs, { name: node.name }) : moved,
    );
  }

  /** A Cast from float16 to float16: onnxruntime without its optimizer makes a graph of it that it then refuses. */
  #castsNothing(moved: Node, node: Node): boolean {
    const from = this.#types.get(node.inputs[0] ?? '');
    return (
      moved.op === 'Cast' &&
      isStandard(moved) &&
      intAttr(moved, 'to') === 10 &&
      (from === 'float32' || from === 'float16')
    );
  }

  #toFloat(node: Node): void {
    const inputs = node.inputs.map((value) => this.#asFloat(value));
    const captured = new Map(
      [...capturedBy(node)].map((value) => [value, this.#asFloat(value)] as const).filter(([from, to]) => from !== to),
    );
    const moved = inputs.some((value, i) => value !== node.inputs[i]) ? { ...node, inputs } : node;
    this.#nodes.push(captured.size > 0 ? renameCaptured(moved, captured) : moved);
  }

  #asHalf(value: string): string {
    if (value === '' || this.#isHalf.has(value)) return value;
    const known = this.#casts.get(value);
    if (known) return known;
    const position = this.#graph.inputs.findIndex((input) => input.name === value);
    const name = this.#names.fresh(position >= 0 ? `graph_input_cast${position}` : `${value}_cast_to_fp16`);
    const source = this.#large.has(value) ? this.#clipped(value) : value;
    this.#cast(source, name, FLOAT16);
    this.#casts.set(value, name);
    return name;
  }

  #asFloat(value: string): string {
    if (!this.#isHalf.has(value)) return value;
    let name = this.#casts.get(value);
    if (!name) {
      name = this.#names.fresh(`${value}_cast_to_fp32`);
      this.#cast(value, name, FLOAT32);
      this.#casts.set(value, name);
    }
    return name;
  }

  #cast(from: string, to: string, type: bigint): void {
    this.#nodes.push(makeNode('Cast', [from], [to], { name: to, attrs: { to: type } }));
    this.stats.casts++;
  }

  #clipped(value: string): string {
    const limits = [-CLIP, CLIP].map((limit) => {
      const name = limit < 0 ? 'fp16_clip_min' : 'fp16_clip_max';
      if (!this.#graph.initializers.has(name)) this.#graph.initializers.set(name, floats([], [limit]));
      return name;
    });
    const name = this.#names.fresh(`${value}_clipped`);
    this.#nodes.push(makeNode('Clip', [value, ...limits], [name], { name }));
    return name;
  }

  /** Graph outputs that became float16: renamed inside and cast at the end, or retyped. */
  #borders(): void {
    const { graph } = this;
    graph.outputs.forEach((output, i) => {
      if (!this.#isHalf.has(output.name)) return;
      if (!this.#keepIo) {
        graph.outputs[i] = { ...output, dtype: 'float16' };
        return;
      }
      const inner = this.#names.fresh(`graph_output_cast${i}`);
      const rename = (value: string): string => (value === output.name ? inner : value);
      this.#nodes.forEach((node, at) => {
        if (!node.inputs.includes(output.name) && !node.outputs.includes(output.name)) return;
        this.#nodes[at] = { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
      });
      const tensor = graph.initializers.get(output.name);
      if (tensor) {
        graph.initializers.delete(output.name);
        graph.initializers.set(inner, tensor);
      }
      this.#cast(inner, output.name, FLOAT32);
    });
    if (!this.#keepIo)
      graph.inputs = graph.inputs.map((info) => (this.#isHalf.has(info.name) ? { ...info, dtype: 'float16' } : info));
  }
}

/** Mean and deviation, which a norm of float16 computes and gives in float32 (its `stash_type`). */
function staysFloat(node: Node, output: number): boolean {
  return node.op.endsWith('LayerNormalization') && (output === 1 || output === 2);
}

/** Attributes that name float32 as a result type: Cast's `to`, ConstantOfShape's `value`, `dtype` of generators. */
function retyped(node: Node): Node {
  const attrs = new Map(node.attrs);
  if (node.op === 'Cast' && intAttr(node, 'to') === 1) attrs.set('to', { type: 'int', value: FLOAT16 });
  const value = attrs.get('value');
  if (
    node.op === 'ConstantOfShape' &&
    (value === undefined || (value.type === 'tensor' && value.value.dtype === 'float32'))
  ) {
    const bits = new Uint16Array(1);
    if (value?.type === 'tensor') {
      const bytes = value.value.bytes().slice();
      float32ToFloat16(new Uint32Array(bytes.buffer), bits, { overflow: 0, underflow: 0, nonFinite: 0 });
    }
    attrs.set('value', { type: 'tensor', value: memoryTensor('float16', [1], bits) });
  }
  return { ...node, attrs };
}
