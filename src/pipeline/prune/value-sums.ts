// Sums over what weights read and write: what rules of sparsity and low rank know of the data, from runs of the model as it is.
import { sampler } from '../../data/sample.ts';
import type { Encoding } from '../../data/tokenizer/tokenizer.ts';
import { sumActivations, watch, type Watched } from '../../evaluate/activation-statistics.ts';
import type { Model } from '../../ir/graph.ts';
import { elementCount } from '../../ir/tensor.ts';
import { traceGraph } from '../../ir/trace/trace.ts';
import { indexUses } from '../../ir/uses.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import type { RunOptions, Scratch } from '../learn/training.ts';

/** Tokens that statistics are taken of, where there are more: about ten for each number of a feed-forward input of 1,536. */
const TOKENS = 16384;

/** Texts, tokenized, and how the model is fed. */
export interface Texts {
  readonly encodings: readonly Encoding[];
  readonly feeding: Feeding;
}

/** Squares by feature, or products X^T X, of each value, given with its width. Throws ModelError. */
export function valueSums(
  model: Model,
  widths: ReadonlyMap<string, number>,
  sum: Watched['sum'],
  { encodings, feeding }: Texts,
  { scratch, ...options }: RunOptions & { readonly scratch: Scratch },
): Promise<{ readonly sums: Map<string, Float64Array>; readonly tokens: number }> {
  const each = rowsOf(model, feeding.roles.ids);
  const watched = watch(
    model,
    [...widths].map(([value, width]): Watched => ({ value, width, each: each(value, width), sum })),
  );
  return scratch.with(watched.model, 'the model', options, (session) =>
    sumActivations(session, watched, feeding.roles, feeding, encodings, { signal: options.signal }),
  );
}

/** What the rows of a value are of: a pooler reads one a text. */
function rowsOf({ graph }: Model, ids: string): (value: string, width: number) => Watched['each'] {
  const trace = traceGraph(graph, indexUses(graph));
  const texts = trace.dims(ids)?.[0];
  const count = (dims: readonly (number | undefined)[] = []): number =>
    elementCount(dims.map((dim) => dim ?? Number.NaN));
  return (value, width) => (count(trace.dims(value)) === (texts ?? 0) * width ? 'text' : 'token');
}

/** Texts chosen with the seed until they have enough tokens. */
export function chooseTexts({ encodings, feeding }: Texts, seed: number): Texts {
  const all = encodings.reduce((sum, { ids }) => sum + ids.length, 0);
  const taken = sampler(Math.ceil((encodings.length * TOKENS) / Math.max(all, TOKENS)), encodings.length, seed);
  return { encodings: encodings.filter(() => taken()), feeding };
}
