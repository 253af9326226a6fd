// From a model's output to one vector a sequence: mean over the tokens that are not padding, or the vector as given.
import { ModelError } from '../errors.ts';
import type { Batch } from '../data/batches.ts';
import type { HostTensor } from '../runtime/session.ts';
import { toFloat32 } from './outputs.ts';

/**
 * One vector for each row of the batch that is no filling.
 * [batch, sequence, hidden] is averaged over the tokens of the mask; [batch, hidden] is taken as it is.
 * @throws ModelError for any other shape
 */
export function* sequenceVectors(name: string, batch: Batch, value: HostTensor): Generator<Float32Array> {
  const [rows = 0, second = 0, third] = value.dims;
  const data = toFloat32(name, value);
  const tokens = value.dims.length === 3 && second === batch.sequence;
  if (rows !== batch.size || (value.dims.length !== 2 && !tokens)) {
    throw new ModelError(
      `output '${name}': expected [${batch.size}, hidden] or [${batch.size}, ${batch.sequence}, hidden], found [${value.dims.join(', ')}]`,
    );
  }
  for (let row = 0; row < batch.rows.length; row++) {
    if (third === undefined) yield data.subarray(row * second, (row + 1) * second);
    else yield meanOfTokens(data, batch, row, third);
  }
}

/** sum of mask x embedding / sum of mask, in float64. */
function meanOfTokens(data: Float32Array, batch: Batch, row: number, hidden: number): Float32Array {
  const sums = new Float64Array(hidden);
  let tokens = 0;
  for (let t = row * batch.sequence; t < (row + 1) * batch.sequence; t++) {
    if (batch.mask[t] === 0) continue;
    tokens++;
    const at = t * hidden;
    for (let i = 0; i < hidden; i++) sums[i]! += data[at + i]!;
  }
  return Float32Array.from(sums, (sum) => sum / Math.max(1, tokens));
}

/** True where every number is finite. */
export function allFinite(vector: Float32Array): boolean {
  for (const value of vector) if (!Number.isFinite(value)) return false;
  return true;
}
