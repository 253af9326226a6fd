// One basis for several matrices: W_i near B C_i (or C_i B), B shared, each C_i its own (Wang et al. 2025, Basis Sharing).
import { choleskySolve } from './cholesky.ts';
import {
  basisTimes,
  choleskyOf,
  columnGram,
  eigen,
  firstColumns,
  lowerTransposedTimes,
  solveTransposed,
  timesColumns,
  type Eigen,
} from './low-rank.ts';

/** A matrix and what it is multiplied with. */
export interface Member {
  /** W [in, out], row-major. */
  readonly weight: Float32Array;
  readonly out: number;
  /** X^T X [in, in] of its input; without it the identity. */
  readonly gram?: Float64Array | undefined;
}

/** Directions of a basis by what they carry of all members' outputs, each member's outputs counted as 1. */
export interface Directions extends Eigen {
  /** Of the whitened inputs: L with C = L L^T; only for a basis of inputs. */
  readonly lower?: Float64Array;
}

/**
 * Basis of inputs: least of the sum over members of || X (W_i - B C_i) ||^2 / || X W_i ||^2, with X^T X the mean of their grams. With
 * C = L L^T the eigenvectors of the sum of L^T W_i W_i^T L.
 */
export function inputDirections(members: readonly Member[], inFeatures: number): Directions {
  const pooled = poolOf(members, inFeatures);
  const lower = choleskyOf(pooled, inFeatures);
  const sum = new Float64Array(inFeatures * inFeatures);
  for (const { weight, out } of members) {
    const gram = columnGram(lowerTransposedTimes(lower, weight, inFeatures, out), inFeatures, out);
    addNormed(sum, gram, inFeatures);
  }
  return { ...eigen(sum, inFeatures), lower };
}

/** Basis of outputs: the eigenvectors of the sum of the members' Y^T Y, each divided by its trace. */
export function outputDirections(outputs: readonly Float64Array[], outFeatures: number): Directions {
  const sum = new Float64Array(outFeatures * outFeatures);
  for (const gram of outputs) addNormed(sum, gram, outFeatures);
  return eigen(sum, outFeatures);
}

export interface SharedBasis {
  /** Of inputs [in, rank], of outputs [rank, out]. */
  readonly basis: Float32Array;
  /** Of inputs [rank, out] each, of outputs [in, rank] each. */
  readonly coefficients: readonly Float32Array[];
}

/** B [in, rank], and for each member C_i by least squares over its own inputs. */
export function inputBasis(
  members: readonly Member[],
  inFeatures: number,
  rank: number,
  found: Directions,
): SharedBasis {
  const rotated = rotate(firstColumns(found.vectors, inFeatures, rank), inFeatures, rank);
  const basis = solveTransposed(found.lower!, rotated, inFeatures, rank);
  const coefficients = members.map(({ weight, out, gram }) => leastSquares(basis, weight, inFeatures, rank, out, gram));
  return balanced(basis, coefficients);
}

/** B [rank, out] with orthonormal rows, C_i = W_i B^T. */
export function outputBasis(
  members: readonly Member[],
  outFeatures: number,
  rank: number,
  found: Directions,
): SharedBasis {
  const rotated = rotate(firstColumns(found.vectors, outFeatures, rank), outFeatures, rank);
  const basis = new Float32Array(rank * outFeatures);
  for (let k = 0; k < rank; k++)
    for (let i = 0; i < outFeatures; i++) basis[k * outFeatures + i] = rotated[i * rank + k]!;
  return balanced(basis, members.map(({ weight }) => timesColumns(weight, outFeatures, rotated, rank))); // prettier-ignore
}

/** Factor by which one side is multiplied and the other divided so that the root mean squares of both are the same. */
export function balanceOf(one: Float32Array, others: readonly Float32Array[]): number {
  const squares = (values: Float32Array): number => values.reduce((sum, x) => sum + x * x, 0);
  const all = others.reduce((sum, values) => sum + squares(values), 0);
  const count = others.reduce((sum, { length }) => sum + length, 0);
  const [a, b] = [squares(one) / one.length, all / count];
  return a > 0 && b > 0 ? (b / a) ** 0.25 : 1;
}

/** Training takes steps of one size, and 8 bits have one scale: both want factors of one size. */
function balanced(basis: Float32Array, coefficients: readonly Float32Array[]): SharedBasis {
  const factor = balanceOf(basis, coefficients);
  return { basis: basis.map((x) => x * factor), coefficients: coefficients.map((each) => each.map((x) => x / factor)) };
}

/** Grams divided by their traces and added; the identity for those without. */
function poolOf(members: readonly Member[], size: number): Float64Array {
  const sum = new Float64Array(size * size);
  for (const gram of new Set(members.map((member) => member.gram)))
    if (gram) addNormed(sum, gram, size);
    else for (let i = 0; i < size; i++) sum[i * size + i]! += 1 / size;
  return sum;
}

function addNormed(sum: Float64Array, gram: Float64Array, size: number): void {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * size + i]!;
  if (trace > 0) for (let i = 0; i < sum.length; i++) sum[i]! += gram[i]! / trace;
}

/** C = (B^T G B)^-1 B^T G W. */
function leastSquares(
  basis: Float32Array,
  weight: Float32Array,
  inFeatures: number,
  rank: number,
  out: number,
  gram: Float64Array | undefined,
): Float32Array {
  const seen = gram ? symmetricTimes(gram, basis, inFeatures, rank) : Float64Array.from(basis);
  const inner = Float64Array.from(basisTimes(seen, Float64Array.from(basis), inFeatures, rank, rank));
  const lower = choleskyOf(inner, rank);
  const right = Float64Array.from(basisTimes(seen, Float64Array.from(weight), inFeatures, out, rank));
  choleskySolve(lower, rank, right, out);
  return Float32Array.from(right);
}

/** G B. */
function symmetricTimes(gram: Float64Array, b: Float32Array, size: number, columns: number): Float64Array {
  const out = new Float64Array(size * columns);
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) {
      const g = gram[i * size + k]!;
      for (let j = 0; j < columns; j++) out[i * columns + j]! += g * b[k * columns + j]!;
    }
  return out;
}

/**
 * B Q with the orthonormal cosine transform Q [rank, rank] (DCT-II), which leaves what B spans as it is and gives all directions about
 * the same variance: in the order of the eigenvalues the first would set the scale of 8 bits for all.
 */
function rotate(b: Float64Array, size: number, rank: number): Float64Array {
  const out = new Float64Array(size * rank);
  for (let j = 0; j < rank; j++)
    for (let k = 0; k < rank; k++) {
      const q = Math.sqrt((k === 0 ? 1 : 2) / rank) * Math.cos((Math.PI * (2 * j + 1) * k) / (2 * rank));
      for (let i = 0; i < size; i++) out[i * rank + j]! += b[i * rank + k]! * q;
    }
  return out;
}
