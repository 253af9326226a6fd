// A fresh head on an encoder: one dense layer on the pooled text or on every token, in place of what stood there.
import * as z from 'zod';
import { recognise } from '../../bert/recognise.ts';
import type { Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Dim, Graph, Model } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { makeNode } from '../../ir/node.ts';
import { memoryTensor } from '../../ir/tensor.ts';
import { sweep } from '../../ir/sweep.ts';
import { createRandom } from '../../math/random.ts';
import { definePass, type PassPlan, type PassResult } from '../pass.ts';
import { featuresOf, type Features } from './features.ts';
import { pooledTokens } from './pool.ts';

/** Spread of fresh weights, as BERT's initializer_range. */
const SPREAD = 0.02;

const head = z.object({
  /** What the output is called, and the weights behind it: `logits`, `classifier`. */
  output: z.string().default('logits'),
  weights: z.string().default('classifier'),
  /** Of every text, or of every token. */
  per: z.enum(['text', 'token']).default('text'),
  labels: z.int().min(1),
});
export type FreshHead = z.output<typeof head>;

/** Fresh heads instead of the outputs that a model has. */
export const freshHeads = definePass({
  name: 'head',
  summary: 'put fresh heads on an encoder',
  options: z.object({
    heads: z.array(head).min(1),
    /** From tokens to a text: BERT's pooler, the first token, the mean over tokens; default the pooler where there is one, else the mean. */
    pooling: z.enum(['pooler', 'cls', 'mean']).optional(),
    seed: z.number().default(0),
  }),
  run(input, options): PassResult {
    const found = recognise(input);
    const features = featuresOf(input.graph, found);
    const pooling = options.pooling ?? (features.pooled === undefined ? 'mean' : 'pooler');
    if (pooling === 'pooler' && features.pooled === undefined)
      throw new ModelError(
        '--pooling pooler: expected a model with a pooler (dense and tanh on the first token), found none',
      );
    const text = options.heads.some(({ per }) => per === 'text');
    const model = bare(input, features, text && pooling === 'pooler');
    const random = createRandom(options.seed);
    append(
      model,
      features,
      text ? pooling : undefined,
      options.heads,
      dimsOf(model.graph, found),
      () => SPREAD * random.normal(),
    );
    const params = options.heads.reduce((sum, { labels }) => sum + labels * (features.width + 1), 0);
    return { model, changed: true, stats: { heads: options.heads.length, 'fresh weights': params }, skipped: [] };
  },
  plan(model): PassPlan {
    featuresOf(model.graph, recognise(model));
    return { applicable: 1, skipped: [] };
  },
});

/** The encoder alone, so that names of the old head are free. */
function bare(input: Model, { hidden, pooled }: Features, withPooler: boolean): Model {
  const model = cloneModel(input);
  model.graph.outputs = [withPooler ? pooled! : hidden, hidden].map((name) => ({ name }));
  sweep(model.graph);
  model.graph.outputs = [];
  return model;
}

/** Names or sizes of the batch and sequence dimensions. */
function dimsOf(graph: Graph, found: Recognition): readonly [Dim, Dim] {
  const ids = graph.inputs.find(({ name }) => name === found.encoders[0]?.inputs.ids);
  return [ids?.shape?.[0] ?? 'batch_size', ids?.shape?.[1] ?? 'sequence_length'];
}

function append(
  { graph, opsets }: Model,
  features: Features,
  pooling: 'pooler' | 'cls' | 'mean' | undefined,
  heads: readonly FreshHead[],
  [batch, sequence]: readonly [Dim, Dim],
  weight: () => number,
): void {
  const names = new Names(graph);
  const builder = new Builder(graph, opsets.get('') ?? opsets.get('ai.onnx') ?? 1, 'head', names);
  const text = pooling && pooledTokens(builder, features, pooling);
  for (const { output, weights, per, labels } of heads) {
    if (names.fresh(output) !== output)
      throw new ModelError(`head: expected no value named '${output}' in the encoder, found one`);
    const matrix = names.fresh(`${weights}.weight`);
    const bias = names.fresh(`${weights}.bias`);
    // [labels, hidden] under Gemm and [hidden, labels] under MatMul, as exporters write them
    const shape = per === 'text' ? [labels, features.width] : [features.width, labels];
    graph.initializers.set(
      matrix,
      memoryTensor('float32', shape, Float32Array.from({ length: labels * features.width }, weight)),
    );
    graph.initializers.set(bias, memoryTensor('float32', [labels], new Float32Array(labels)));
    if (per === 'text') {
      builder.nodes.push(
        makeNode('Gemm', [text!, matrix, bias], [output], { name: `/${weights}/Gemm`, attrs: { transB: 1n } }),
      );
    } else {
      const product = builder.op('MatMul', [features.hidden, matrix]);
      builder.nodes.push(makeNode('Add', [product, bias], [output], { name: `/${weights}/Add` }));
    }
    graph.outputs.push({
      name: output,
      dtype: 'float32',
      shape: per === 'text' ? [batch, labels] : [batch, sequence, labels],
    });
  }
  graph.nodes.push(...builder.nodes);
}
