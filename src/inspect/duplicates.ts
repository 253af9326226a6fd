// Weights that are stored more than once, as they are or transposed, and weights that several nodes read.
import { createHash } from 'node:crypto';
import { bitsOf } from '../ir/dtype.ts';
import { eachPiece, readInto, type Tensor } from '../ir/tensor.ts';
import type { Uses } from '../ir/uses.ts';
import type { NamedTensor } from '../bert/parts.ts';

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
/** Bytes compared at the start, in the middle and at the end before anything is read whole. */
const SAMPLE = 1024;

/** Find them. Whole tensors are read only where type, size and samples agree. */
export function findDuplicates(constants: readonly NamedTensor[], uses: Uses): Duplicate[] {
  const large = constants.filter(({ tensor }) => tensor.byteLength >= LEAST_BYTES && tensor.dtype !== 'string');
  const copies = groupBy(large, ({ tensor }) => `${tensor.dtype} ${tensor.byteLength}`)
    .flatMap((group) => groupBy(group, ({ tensor }) => sample(tensor)))
    .flatMap((group) => groupBy(group, ({ tensor }) => digest(tensor)));
  const inCopies = new Set(copies.flat().map(({ name }) => name));
  return [
    ...copies.map((group): Duplicate => ({
      kind: 'copies',
      names: namesOf(group),
      shape: group[0]!.tensor.shape,
      wastedBytes: (group.length - 1) * group[0]!.tensor.byteLength,
    })),
    ...transposed(large.filter(({ name }) => !inCopies.has(name))),
    ...large.flatMap(({ name, tensor }): Duplicate[] => {
      const readers = uses.consumers.get(name)?.length ?? 0;
      return readers > 1 ? [{ kind: 'shared', names: [name], shape: tensor.shape, wastedBytes: 0 }] : [];
    }),
  ];
}

function namesOf(group: readonly NamedTensor[]): string[] {
  return group.map(({ name }) => name);
}

/** Groups of at least two. */
function groupBy(items: readonly NamedTensor[], key: (item: NamedTensor) => string): NamedTensor[][] {
  if (items.length < 2) return [];
  const groups = new Map<string, NamedTensor[]>();
  for (const item of items) {
    const name = key(item);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

function sample(tensor: Tensor): string {
  const size = Math.min(SAMPLE, tensor.byteLength);
  const bytes = new Uint8Array(size);
  const hash = createHash('sha1');
  for (const offset of [0, Math.floor((tensor.byteLength - size) / 2), tensor.byteLength - size]) {
    readInto(tensor, bytes, offset);
    hash.update(bytes);
  }
  return hash.digest('base64');
}

function digest(tensor: Tensor): string {
  const hash = createHash('sha1');
  eachPiece(tensor, 1, (bytes) => hash.update(bytes));
  return hash.digest('base64');
}

/** Matrices [a, b] and [b, a] with the same numbers: a tied decoder that an exporter folded. */
function transposed(large: readonly NamedTensor[]): Duplicate[] {
  const matrices = large.filter(
    ({ tensor }) => tensor.shape.length === 2 && tensor.shape[0] !== tensor.shape[1] && bitsOf(tensor.dtype) >= 8,
  );
  const shapeOf = ({ tensor }: NamedTensor, turn: boolean): string =>
    `${tensor.dtype} ${turn ? [...tensor.shape].toReversed().join(',') : tensor.shape.join(',')}`;
  const byShape = new Map<string, NamedTensor[]>();
  for (const one of matrices) byShape.set(shapeOf(one, false), [...(byShape.get(shapeOf(one, false)) ?? []), one]);
  const found: Duplicate[] = [];
  for (const one of matrices) {
    if (one.tensor.shape[0]! < one.tensor.shape[1]!) continue; // each pair once
    const other = byShape.get(shapeOf(one, true))?.find((candidate) => isTranspose(one.tensor, candidate.tensor));
    if (other)
      found.push({
        kind: 'transposed',
        names: [one.name, other.name],
        shape: one.tensor.shape,
        wastedBytes: one.tensor.byteLength,
      });
  }
  return found;
}

/** Sampled: 64 elements along a path that visits rows and columns all over; equal random weights there are equal everywhere. */
function isTranspose(a: Tensor, b: Tensor): boolean {
  const [rows = 0, columns = 0] = a.shape;
  const size = bitsOf(a.dtype) / 8;
  const [x, y] = [new Uint8Array(size), new Uint8Array(size)];
  let differs = false;
  for (let i = 0; i < 64 && !differs; i++) {
    const [r, c] = [(i * 7919) % rows, (i * 104729) % columns];
    readInto(a, x, (r * columns + c) * size);
    readInto(b, y, (c * rows + r) * size);
    differs = x.some((byte, k) => byte !== y[k]);
  }
  return !differs;
}
