// Sums over all tokens of what a model's inner values are: squares or products X^T X, computed by nodes beside the model.
import type { Encoding } from '../data/tokenizer/tokenizer.ts';
import type { Batch } from '../data/batches.ts';
import { Builder } from '../ir/builder.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import { sweep } from '../ir/sweep.ts';
import type { Session, TypedArray } from '../runtime/session.ts';
import { makeFeeds } from './feeds.ts';
import { fixedShape, type InputRoles } from './roles.ts';
import { batchesFor, type Padding } from './window.ts';

/** A value [batch, sequence, width] or [batch x sequence, width], or [batch, width], and what is summed of it. */
export interface Watched {
  readonly value: string;
  readonly width: number;
  /** What a row of it is of. */
  readonly each: 'token' | 'text';
  /** squares: of each feature [width]; products: X^T X [width, width]. */
  readonly sum: 'squares' | 'products';
}

/** A model whose only outputs are the sums over a batch. */
export interface WatchedModel {
  readonly model: Model;
  readonly watched: readonly Watched[];
  /** Outputs, in the order of `watched`. */
  readonly outputs: readonly string[];
  /** Input [batch, sequence], float32: 1 for a token that counts. */
  readonly counts: string;
}

/** Appends the sums and cuts away what they do not need. */
export function watch(input: Model, watched: readonly Watched[]): WatchedModel {
  const model = cloneModel(input);
  const { graph } = model;
  const builder = new Builder(graph, model.opsets.get('') ?? 13, 'statistics');
  const counts = builder.fresh('counts');
  const columns = {
    token: builder.op('Reshape', [counts, builder.ints([-1, 1])]),
    text: builder.op('Sign', [builder.reduceSum(counts, [1], true)]),
  };
  const outputs = watched.map(({ value, width, each, sum }) => {
    const rows = builder.op('Reshape', [value, builder.ints([-1, width])]);
    const tokens = builder.op('Mul', [builder.op('Cast', [rows], { to: 1n }), columns[each]]);
    if (sum === 'squares') return builder.reduceSum(builder.op('Mul', [tokens, tokens]), [0], false);
    return builder.op('Gemm', [tokens, tokens, builder.scalar(0)], { transA: 1n });
  });
  graph.nodes = [...graph.nodes, ...builder.nodes];
  graph.inputs = [...graph.inputs, { name: counts, dtype: 'float32', shape: ['batch', 'sequence'] }];
  graph.outputs = outputs.map((name) => ({ name, dtype: 'float32' }));
  sweep(graph);
  return { model, watched, outputs, counts };
}

export interface StatisticsOptions {
  /** Most tokens of a run, padding counted; default 4,096. */
  readonly maxTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after every run with the texts that are done, and all. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Runs the texts through a watched model and adds the sums up in float64; within a run they are float32.
 * @returns sums by value; and how many tokens they are over
 * @throws ModelError where a value has other dimensions than were expected of it
 */
export async function sumActivations(
  session: Session,
  { watched, outputs, counts }: Omit<WatchedModel, 'model'>,
  roles: InputRoles,
  padding: Padding,
  texts: readonly Encoding[],
  { maxTokens = 4096, signal, progress }: StatisticsOptions = {},
): Promise<{ readonly sums: Map<string, Float64Array>; readonly tokens: number }> {
  const inputs = session.inputs.filter(({ name }) => name !== counts);
  const fixed = fixedShape(inputs, roles);
  const sums = watched.map(({ width, sum }) => new Float64Array(sum === 'squares' ? width : width * width));
  let [tokens, done] = [0, 0];
  for (const batch of batchesFor(texts, {
    ...padding,
    fixed,
    masked: roles.mask !== undefined,
    batch: maxTokens,
    maxTokens,
  })) {
    signal?.throwIfAborted();
    const weights = countsOf(batch);
    const feeds = {
      ...makeFeeds(inputs, roles, batch),
      [counts]: { dtype: 'float32' as const, dims: [batch.size, batch.sequence], data: weights },
    };
    const found = await session.run(feeds, outputs);
    for (const [i, output] of outputs.entries()) add(sums[i]!, found[output]!.data);
    for (const weight of weights) tokens += weight;
    progress?.((done += batch.rows.length), texts.length);
  }
  return { sums: new Map(watched.map(({ value }, i) => [value, sums[i]!])), tokens };
}

/** 1 for tokens; 0 for padding, and for copies of rows that fill a fixed batch. */
function countsOf({ mask, rows, sequence }: Batch): Float32Array {
  return Float32Array.from(mask, (one, i) => (i < rows.length * sequence ? one : 0));
}

function add(sums: Float64Array, more: TypedArray): void {
  if (!(more instanceof Float32Array)) throw new TypeError('expected sums in float32');
  for (let i = 0; i < sums.length; i++) sums[i]! += more[i]!;
}
