// Weights that are stored more than once, as they are or transposed, and weights that several nodes read.
import { equalGroups, likelyTransposes, type NamedTensor } from '../ir/equal.ts';
import type { Uses } from '../ir/uses.ts';

/** copies: equal bytes under several names. transposed: one is the other's transpose. shared: one tensor, several readers. */
export interface Duplicate {
  readonly kind: 'copies' | 'transposed' | 'shared';
  readonly names: readonly string[];
  readonly shape: readonly number[];
  /** Bytes that one copy for all would save; 0 where they are shared already. */
  readonly wastedBytes: number;
}

/** Tensors below this are biases and scalars that exporters repeat by the dozen. */
const LEAST_BYTES = 1024;

/** Find them. Whole tensors are read only where type, shape and samples agree. */
export function findDuplicates(constants: readonly NamedTensor[], uses: Uses): Duplicate[] {
  const large = constants.filter(({ tensor }) => tensor.byteLength >= LEAST_BYTES && tensor.dtype !== 'string');
  const copies = equalGroups(large);
  const inCopies = new Set(copies.flat().map(({ name }) => name));
  return [
    ...copies.map((group): Duplicate => ({
      kind: 'copies',
      names: group.map(({ name }) => name),
      shape: group[0]!.tensor.shape,
      wastedBytes: (group.length - 1) * group[0]!.tensor.byteLength,
    })),
    ...likelyTransposes(large.filter(({ name }) => !inCopies.has(name))).map(({ tall, wide }): Duplicate => ({
      kind: 'transposed',
      names: [tall.name, wide.name],
      shape: tall.tensor.shape,
      wastedBytes: tall.tensor.byteLength,
    })),
    ...large.flatMap(({ name, tensor }): Duplicate[] => {
      const readers = uses.consumers.get(name)?.length ?? 0;
      return readers > 1 ? [{ kind: 'shared', names: [name], shape: tensor.shape, wastedBytes: 0 }] : [];
    }),
  ];
}
