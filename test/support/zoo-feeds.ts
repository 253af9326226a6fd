// What a zoo model is fed: two rows of tokens, the second padded.
import type { HostTensor, ValueSpec } from '../../src/runtime/session.ts';

/** Fixed dimensions as the model has them, free ones 2 and `length`. */
export function feedFor({ name, dtype, shape }: ValueSpec, length = 12): HostTensor {
  const dims = shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 2 : length));
  const count = dims.reduce((product, dim) => product * dim, 1);
  const [, sequence = length] = dims;
  const value = (i: number): number => {
    const [row, column] = [Math.floor(i / sequence), i % sequence];
    if (/mask/.test(name)) return row === 1 && column >= sequence - 4 ? 0 : 1;
    if (/type|segment/.test(name)) return column > sequence / 2 ? 1 : 0;
    if (/position/.test(name)) return column;
    return /bbox/.test(name) ? i % 7 : 5 + ((i * 37) % 900);
  };
  const values = Array.from({ length: count }, (_, i) => value(i));
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(values) };
  if (dtype === 'float32') return { dtype, dims, data: Float32Array.from(values) };
  return { dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) };
}
