// A TensorProto whose bytes lie in another file.
import { concat, int, len, tensor, type Bytes } from './proto.ts';

/** float32 unless `type` says otherwise; `keys` are further external_data entries (offset, length …). */
export function externalTensor(
  name: string,
  dims: readonly number[],
  location: string,
  keys: Readonly<Record<string, string>> = {},
  type = 1,
): Bytes {
  const entries = Object.entries({ location, ...keys }).map(([key, value]) => len(13, len(1, key), len(2, value)));
  return concat(tensor(name, type, dims), ...entries, int(14, 1));
}
