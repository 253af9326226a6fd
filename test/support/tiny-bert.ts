// A small BERT encoder made in code: embeddings, layers of attention and FFN, a classifier; runs on onnxruntime.
import type { Graph, Model, Node } from '../../src/ir/graph.ts';
import { makeNode, type AttrValue } from '../../src/ir/node.ts';
import { floats, int64s } from '../../src/ir/tensor.ts';

export interface TinyBert {
  readonly layers?: number;
  readonly hidden?: number;
  readonly heads?: number;
  readonly ffn?: number;
  readonly vocabulary?: number;
  readonly labels?: number;
}

/** Inputs `input_ids` and `attention_mask` [batch, sequence] int64, output `logits` [batch, labels]; the same options give the same weights. */
export function tinyBert(options: TinyBert = {}): Model {
  const { layers = 1, hidden = 8, heads = 2, ffn = 16, vocabulary = 12, labels = 2 } = options;
  const graph: Graph = {
    name: 'tiny',
    inputs: ['input_ids', 'attention_mask'].map((name) => ({ name, dtype: 'int64', shape: ['batch', 'sequence'] })),
    outputs: [{ name: 'logits', dtype: 'float32', shape: ['batch', labels] }],
    values: [],
    nodes: [],
    initializers: new Map(),
    sparse: new Map(),
  };
  const build = new Builder(graph);
  const table = build.weight('embeddings.word.weight', [vocabulary, hidden]);
  let x = build.norm(build.op('Gather', [table, 'input_ids'], 'embeddings/gather'), hidden, 'embeddings.norm');
  const bias = build.mask('attention_mask');
  for (let i = 0; i < layers; i++) {
    x = build.attention(x, bias, hidden, heads, `layer.${i}.attention`);
    const inner = build.op('Relu', [build.dense(x, hidden, ffn, `layer.${i}.ffn.in`)], `layer.${i}.ffn/relu`);
    const out = build.dense(inner, ffn, hidden, `layer.${i}.ffn.out`);
    x = build.norm(build.op('Add', [out, x], `layer.${i}.ffn/residual`), hidden, `layer.${i}.ffn.norm`);
  }
  const first = build.op('Gather', [x, build.ints('cls', [], [0])], 'pooler/cls', { axis: 1n });
  build.dense(first, hidden, labels, 'classifier', 'logits');
  return { graph, irVersion: 8, opsets: new Map([['', 17]]), producer: { name: 'test', version: '1' }, metadata: new Map(), functions: [] };
}

class Builder {
  readonly #graph: Graph;
  #seed = 1;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  op(op: string, inputs: readonly string[], output: string, attrs: Readonly<Record<string, AttrValue>> = {}): string {
    const node: Node = makeNode(op, inputs, [output], { attrs });
    this.#graph.nodes.push(node);
    return output;
  }

  /** Weights between -0.5 and 0.5 from a linear congruential generator (Numerical Recipes' constants). */
  weight(name: string, shape: readonly number[], offset = 0): string {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: count }, () => {
      this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
      return offset + this.#seed / 2 ** 32 - 0.5;
    });
    this.#graph.initializers.set(name, floats(shape, values));
    return name;
  }

  ints(name: string, shape: readonly number[], values: readonly number[]): string {
    this.#graph.initializers.set(name, int64s(shape, values));
    return name;
  }

  dense(x: string, from: number, to: number, name: string, output = `${name}/add`): string {
    const product = this.op('MatMul', [x, this.weight(`${name}.weight`, [from, to])], `${name}/matmul`);
    return this.op('Add', [product, this.weight(`${name}.bias`, [to])], output);
  }

  norm(x: string, size: number, name: string): string {
    const inputs = [x, this.weight(`${name}.weight`, [size], 1), this.weight(`${name}.bias`, [size])];
    return this.op('LayerNormalization', inputs, `${name}/out`, { axis: -1n, epsilon: 1e-5 });
  }

  /** 0 where the mask is 1, -10000 where it is 0; [batch, 1, 1, sequence]. */
  mask(input: string): string {
    const wide = this.op('Unsqueeze', [input, this.ints('mask.axes', [2], [1, 2])], 'mask/wide');
    const kept = this.op('Cast', [wide], 'mask/float', { to: 1n });
    this.#graph.initializers.set('mask.one', floats([], [1]));
    this.#graph.initializers.set('mask.low', floats([], [-10000]));
    return this.op('Mul', [this.op('Sub', ['mask.one', kept], 'mask/hidden'), 'mask.low'], 'mask/bias');
  }

  attention(x: string, bias: string, hidden: number, heads: number, name: string): string {
    const shape = this.ints(`${name}.split`, [4], [0, 0, heads, hidden / heads]);
    const [q, k, v] = ['query', 'key', 'value'].map((part) => {
      const split = this.op('Reshape', [this.dense(x, hidden, hidden, `${name}.${part}`), shape], `${name}.${part}/split`);
      return this.op('Transpose', [split], `${name}.${part}/heads`, { perm: part === 'key' ? [0n, 2n, 3n, 1n] : [0n, 2n, 1n, 3n] });
    }) as [string, string, string];
    this.#graph.initializers.set(`${name}.scale`, floats([], [Math.sqrt(heads / hidden)]));
    const scores = this.op('Mul', [this.op('MatMul', [q, k], `${name}/qk`), `${name}.scale`], `${name}/scaled`);
    const weights = this.op('Softmax', [this.op('Add', [scores, bias], `${name}/masked`)], `${name}/softmax`, { axis: -1n });
    const merged = this.op('Transpose', [this.op('MatMul', [weights, v], `${name}/av`)], `${name}/rows`, { perm: [0n, 2n, 1n, 3n] });
    const joined = this.op('Reshape', [merged, this.ints(`${name}.join`, [3], [0, 0, hidden])], `${name}/joined`);
    const out = this.dense(joined, hidden, hidden, `${name}.out`);
    return this.norm(this.op('Add', [out, x], `${name}/residual`), hidden, `${name}.norm`);
  }
}
