// Tensors with the same content, found without reading those that differ from all others in type, shape or a sample.
import { createHash } from 'node:crypto';
import { bitsOf } from './dtype.ts';
import { eachPiece, readInto, type Tensor } from './tensor.ts';

/** A constant of a graph, by name. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Bytes compared at the start, in the middle and at the end before anything is read whole. */
const SAMPLE = 1024;

/** Groups of at least two of one type, shape and content, bit by bit; in the order of their first. Strings are left out. */
export function equalGroups(constants: readonly NamedTensor[]): NamedTensor[][] {
  const comparable = constants.filter(({ tensor }) => tensor.dtype !== 'string');
  return groupBy(comparable, ({ tensor }) => `${tensor.dtype} ${tensor.shape.join(',')}`)
    .flatMap((group) => groupBy(group, ({ tensor }) => sample(tensor)))
    .flatMap((group) =>
      group[0]!.tensor.byteLength <= SAMPLE ? [group] : groupBy(group, ({ tensor }) => digest(tensor)),
    );
}

/** Groups of at least two. */
function groupBy(items: readonly NamedTensor[], key: (item: NamedTensor) => string): NamedTensor[][] {
  if (items.length < 2) return [];
  const groups = new Map<string, NamedTensor[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
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
  const hash = createHash('sha256');
  eachPiece(tensor, 1, (bytes) => hash.update(bytes));
  return hash.digest('base64');
}

/** Two matrices of which one is the other's transpose; `wide` has more columns than rows. */
export interface TransposedPair {
  readonly tall: NamedTensor;
  readonly wide: NamedTensor;
}

/** Matrices [a, b] and [b, a], a > b, whose numbers agree at 64 places all over: a tied decoder that an exporter folded. */
export function likelyTransposes(constants: readonly NamedTensor[]): TransposedPair[] {
  const matrices = constants.filter(
    ({ tensor }) => tensor.shape.length === 2 && tensor.shape[0] !== tensor.shape[1] && bitsOf(tensor.dtype) >= 8,
  );
  const isTall = ({ tensor: { shape } }: NamedTensor): boolean => shape[0]! > shape[1]!;
  const wide = matrices.filter((one) => !isTall(one));
  return matrices.filter(isTall).flatMap((tall) => {
    const found = wide.find(({ tensor }) => agreeInPlaces(tall.tensor, tensor));
    return found ? [{ tall, wide: found }] : [];
  });
}

/** 64 elements along a path that visits rows and columns all over; random weights that are equal there are equal everywhere. */
function agreeInPlaces(tall: Tensor, wide: Tensor): boolean {
  const [rows = 0, columns = 0] = tall.shape;
  if (tall.dtype !== wide.dtype || wide.shape[0] !== columns || wide.shape[1] !== rows) return false;
  const size = bitsOf(tall.dtype) / 8;
  const [x, y] = [Buffer.alloc(size), Buffer.alloc(size)];
  for (let i = 0; i < 64; i++) {
    const [r, c] = [(i * 7919) % rows, (i * 104729) % columns];
    readInto(tall, x, (r * columns + c) * size);
    readInto(wide, y, (c * rows + r) * size);
    if (!x.equals(y)) return false;
  }
  return true;
}

/** Columns of the wide matrix that are read at a time. */
const BAND = 4096;

/** True where every element agrees, bit by bit. Reads bands, so that two large matrices are not held at once. */
export function isTranspose({ tall: { tensor: tall }, wide: { tensor: wide } }: TransposedPair): boolean {
  const [rows = 0, columns = 0] = tall.shape;
  const size = bitsOf(tall.dtype) / 8;
  for (let first = 0; first < rows; first += BAND) {
    const count = Math.min(BAND, rows - first);
    const band = Buffer.alloc(count * columns * size);
    readInto(tall, band, first * columns * size);
    const line = Buffer.alloc(count * size);
    for (let c = 0; c < columns; c++) {
      readInto(wide, line, (c * rows + first) * size);
      if (!isColumn(band, line, c, columns, size)) return false;
    }
  }
  return true;
}

/** Is `line` column `c` of `band`, elements of `size` bytes? */
function isColumn(band: Buffer, line: Buffer, c: number, columns: number, size: number): boolean {
  for (let at = 0; at < line.length; at++) {
    const row = Math.floor(at / size);
    if (band[(row * columns + c) * size + (at % size)] !== line[at]) return false;
  }
  return true;
}
