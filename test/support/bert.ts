// Builds BERT classifiers of any size from a seed, weights made when they are wanted: for tests and benchmarks.
import type { Graph, Model, Node } from '../../src/ir/graph.ts';
import { makeNode, type AttrValue } from '../../src/ir/node.ts';
import { floats, int64s, lazyTensor, memoryTensor } from '../../src/ir/tensor.ts';

export interface BertShape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly ffn: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly labels: number;
  readonly seed: number;
}

export const tinyShape: BertShape = {
  layers: 2,
  hidden: 16,
  heads: 2,
  ffn: 32,
  vocabulary: 101,
  positions: 24,
  labels: 3,
  seed: 1,
};

/** bert-base-uncased: 109,484,546 numbers with a classifier of two labels, 438 MB. */
export const baseShape: BertShape = {
  layers: 12,
  hidden: 768,
  heads: 12,
  ffn: 3072,
  vocabulary: 30522,
  positions: 512,
  labels: 2,
  seed: 1,
};

/** A model of opset 17 with inputs input_ids, attention_mask and token_type_ids [batch, sequence] and the output logits [batch, labels]. */
export function buildBert(shape: BertShape = tinyShape): Model {
  const builder = new Builder(shape);
  return builder.model();
}

/** The tiny model, with some sizes changed. */
export function tinyBert(shape: Partial<BertShape> = {}): Model {
  return buildBert({ ...tinyShape, ...shape });
}

class Builder {
  readonly #shape: BertShape;
  readonly #nodes: Node[] = [];
  readonly #initializers: Graph['initializers'] = new Map();

  constructor(shape: BertShape) {
    this.#shape = shape;
    const { hidden, heads } = shape;
    this.#initializers.set('split', int64s([4], [0, 0, heads, hidden / heads]));
    this.#initializers.set('merge', int64s([3], [0, 0, hidden]));
    this.#initializers.set('scale', floats([], [1 / Math.sqrt(hidden / heads)]));
    for (const [name, value] of Object.entries({ half: 0.5, one: 1, sqrt2: Math.SQRT2, masked: -10000 }))
      this.#initializers.set(name, floats([], [value]));
    for (const [name, value] of Object.entries({ zero: 0, first: 1 }))
      this.#initializers.set(name, int64s([], [value]));
    this.#initializers.set('axes', int64s([2], [1, 2]));
  }

  model(): Model {
    this.#embeddings();
    this.#mask();
    let x = 'embeddings';
    for (let i = 0; i < this.#shape.layers; i++) x = this.#layer(`layer.${i}`, x);
    this.#head(x);
    const value = (name: string, dtype: 'int64' | 'float32', shape: (string | number)[]) => ({ name, dtype, shape });
    return {
      graph: {
        name: 'bert',
        inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) =>
          value(name, 'int64', ['batch', 'sequence']),
        ),
        outputs: [value('logits', 'float32', ['batch', this.#shape.labels])],
        values: [],
        nodes: this.#nodes,
        initializers: this.#initializers,
        sparse: new Map(),
      },
      irVersion: 8,
      opsets: new Map([['', 17]]),
      producer: { name: 'bert-compress tests', version: '' },
      metadata: new Map(),
      functions: [],
    };
  }

  #node(op: string, inputs: string[], output: string, attrs: Record<string, AttrValue> = {}): string {
    this.#nodes.push(makeNode(op, inputs, [output], { attrs, name: `/${output}` }));
    return output;
  }

  #weight(name: string, shape: number[], spread = 0.05): string {
    const seed = this.#shape.seed * 7919 + this.#initializers.size;
    const count = shape.reduce((product, size) => product * size, 1);
    this.#initializers.set(
      name,
      count < 4096
        ? memoryTensor('float32', shape, noise(count, seed, spread))
        : lazyTensor('float32', shape, () => noise(count, seed, spread)),
    );
    return name;
  }

  #norm(name: string, x: string, output: string): string {
    const { hidden } = this.#shape;
    this.#initializers.set(
      `${name}.weight`,
      floats(
        [hidden],
        Array.from({ length: hidden }, (_, i) => 1 + 0.1 * Math.sin(i)),
      ),
    );
    return this.#node('LayerNormalization', [x, `${name}.weight`, this.#weight(`${name}.bias`, [hidden])], output, {
      axis: -1n,
      epsilon: 1e-12,
    });
  }

  #dense(name: string, x: string, from: number, to: number): string {
    this.#node('MatMul', [x, this.#weight(`${name}.weight`, [from, to])], `${name}.product`);
    return this.#node('Add', [this.#weight(`${name}.bias`, [to]), `${name}.product`], `${name}.out`);
  }

  #embeddings(): void {
    const { vocabulary, hidden, positions } = this.#shape;
    this.#node('Gather', [this.#weight('word_embeddings', [vocabulary, hidden], 0.1), 'input_ids'], 'words');
    this.#node('Gather', [this.#weight('token_type_embeddings', [2, hidden]), 'token_type_ids'], 'segments');
    this.#node('Shape', ['input_ids'], 'shape');
    this.#node('Gather', ['shape', 'first'], 'length');
    this.#node('Range', ['zero', 'length', 'first'], 'position_ids');
    this.#node('Gather', [this.#weight('position_embeddings', [positions, hidden]), 'position_ids'], 'places');
    this.#node('Add', ['words', 'segments'], 'words_segments');
    this.#node('Add', ['words_segments', 'places'], 'embedded');
    this.#norm('embeddings.LayerNorm', 'embedded', 'embeddings');
  }

  #mask(): void {
    this.#node('Cast', ['attention_mask'], 'mask.float', { to: 1n });
    this.#node('Unsqueeze', ['mask.float', 'axes'], 'mask.wide');
    this.#node('Sub', ['one', 'mask.wide'], 'mask.inverse');
    this.#node('Mul', ['mask.inverse', 'masked'], 'mask');
  }

  #layer(name: string, x: string): string {
    const { hidden, ffn } = this.#shape;
    const heads = (part: string, perm: bigint[]): string => {
      const dense = this.#dense(`${name}.${part}`, x, hidden, hidden);
      this.#node('Reshape', [dense, 'split'], `${name}.${part}.split`);
      return this.#node('Transpose', [`${name}.${part}.split`], `${name}.${part}.heads`, { perm });
    };
    const q = heads('query', [0n, 2n, 1n, 3n]);
    const k = heads('key', [0n, 2n, 3n, 1n]);
    const v = heads('value', [0n, 2n, 1n, 3n]);
    this.#node('MatMul', [q, k], `${name}.scores`);
    this.#node('Mul', [`${name}.scores`, 'scale'], `${name}.scaled`);
    this.#node('Add', [`${name}.scaled`, 'mask'], `${name}.masked`);
    this.#node('Softmax', [`${name}.masked`], `${name}.probs`, { axis: -1n });
    this.#node('MatMul', [`${name}.probs`, v], `${name}.context.heads`);
    this.#node('Transpose', [`${name}.context.heads`], `${name}.context.split`, { perm: [0n, 2n, 1n, 3n] });
    this.#node('Reshape', [`${name}.context.split`, 'merge'], `${name}.context`);
    const attended = this.#dense(`${name}.attention.output`, `${name}.context`, hidden, hidden);
    this.#node('Add', [attended, x], `${name}.attention.sum`);
    const middle = this.#norm(`${name}.attention.LayerNorm`, `${name}.attention.sum`, `${name}.attention`);
    const wide = this.#gelu(`${name}.gelu`, this.#dense(`${name}.intermediate`, middle, hidden, ffn));
    this.#node('Add', [this.#dense(`${name}.output`, wide, ffn, hidden), middle], `${name}.sum`);
    return this.#norm(`${name}.LayerNorm`, `${name}.sum`, `${name}.hidden`);
  }

  #gelu(name: string, x: string): string {
    this.#node('Div', [x, 'sqrt2'], `${name}.scaled`);
    this.#node('Erf', [`${name}.scaled`], `${name}.erf`);
    this.#node('Add', [`${name}.erf`, 'one'], `${name}.shifted`);
    this.#node('Mul', [x, `${name}.shifted`], `${name}.doubled`);
    return this.#node('Mul', [`${name}.doubled`, 'half'], `${name}.out`);
  }

  #head(x: string): void {
    const { hidden, labels } = this.#shape;
    this.#node('Gather', [x, 'zero'], 'cls', { axis: 1n });
    this.#node(
      'Gemm',
      ['cls', this.#weight('pooler.weight', [hidden, hidden]), this.#weight('pooler.bias', [hidden])],
      'pooler.product',
      { transB: 1n },
    );
    this.#node('Tanh', ['pooler.product'], 'pooled');
    this.#node(
      'Gemm',
      ['pooled', this.#weight('classifier.weight', [labels, hidden], 0.5), this.#weight('classifier.bias', [labels])],
      'logits',
      { transB: 1n },
    );
  }
}

/** Sums of three uniform numbers (mulberry32), near enough to normal, standard deviation `spread`. */
function noise(count: number, seed: number, spread: number): Float32Array {
  const out = new Float32Array(count);
  let state = seed | 0;
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let j = 0; j < 3; j++) {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      sum += ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
    }
    out[i] = sum * spread;
  }
  return out;
}
