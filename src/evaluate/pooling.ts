// From a model's output to one vector a sequence: as given, the mean over its tokens, or its first token.
import { ModelError } from '../errors.ts';
import type { SequenceValues } from './sequence-values.ts';

/** How tokens become one vector; 'given' wants a model that pools by itself. */
export type Pooling = 'mean' | 'cls' | 'given';

/**
 * The vector of a sequence, a copy. An output without tokens is taken as it is, whatever the pooling.
 * @throws ModelError for an output of tokens where the pooling is 'given'
 */
export function pool({ name, data, tokens, width }: SequenceValues, pooling: Pooling): Float32Array {
  if (tokens === 0) return data.slice();
  if (pooling === 'given') {
    throw new ModelError(`output '${name}': expected one vector a text (--pooling given), found one a token`);
  }
  if (pooling === 'cls') return data.slice(0, width);
  const sums = new Float64Array(width);
  for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) sums[i]! += data[at + i]!;
  return Float32Array.from(sums, (sum) => sum / tokens);
}

/** True where every number is finite. */
export function allFinite(vector: Float32Array): boolean {
  for (const value of vector) if (!Number.isFinite(value)) return false;
  return true;
}
