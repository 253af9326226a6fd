// Compares the weights of two models by name and tells the few that are far from the original's where the others are near.
import type { Model } from '../ir/graph.ts';
import { asFloat32, elementCount, type Tensor } from '../ir/tensor.ts';
import { float16ToNumber } from '../math/float16.ts';
import { median } from '../math/statistics.ts';

interface Distance {
  readonly name: string;
  /** |after - before| / |before|, Frobenius norms; Infinity where a weight is not finite. */
  readonly distance: number;
}

/** A weight this far from the original's is looked at, if it is also many times as far as most. */
const far = 0.2;
const timesMedian = 10;

/** At most three lines; none where most weights differ (a model that was trained anew). */
export function damagedWeights(before: Model, after: Model): string[] {
  const distances = [...before.graph.initializers].flatMap(([name, tensor]): Distance[] => {
    if (tensor.dtype !== 'float32' || elementCount(tensor.shape) < 2) return [];
    const values = valuesOf(after, name, tensor);
    return values === undefined ? [] : [{ name, distance: nearest(tensor, values) }];
  });
  if (distances.length < 2) return [];
  const usual = median(distances.map((one) => Math.min(1e9, one.distance)));
  return distances
    .filter((one) => one.distance > Math.max(far, timesMedian * usual))
    .toSorted((a, b) => b.distance - a.distance)
    .slice(0, 3)
    .map(({ name, distance }) =>
      Number.isFinite(distance)
        ? `weight '${name}' is ${percent(distance)} away from the original's, most of the ${distances.length} that have the same name ${percent(usual)}: it looks damaged`
        : `weight '${name}' has NaN or infinity in it`,
    );
}

/** A weight of the candidate as float32: as it is, float16, or 8-bit with its scale as this tool and onnxruntime's name them. */
function valuesOf(model: Model, name: string, like: Tensor): Float32Array | undefined {
  const { initializers } = model.graph;
  const same = initializers.get(name);
  if (same && sameShape(same, like)) {
    if (same.dtype === 'float32') return asFloat32(same);
    if (same.dtype === 'float16') return Float32Array.from(halves(same), float16ToNumber);
    return undefined;
  }
  const integers = initializers.get(`${name}_quantized`);
  const scale = initializers.get(`${name}_scale`);
  if (!integers || scale?.dtype !== 'float32' || !sameShape(integers, like)) return undefined;
  return dequantized(integers, scale, initializers.get(`${name}_zero_point`));
}

/** (q - zero point) scale: one scale in all, one a column ([columns]) or one a row ([rows, 1]); undefined for other layouts. */
function dequantized(integers: Tensor, scale: Tensor, zeros: Tensor | undefined): Float32Array | undefined {
  const columns = integers.shape.at(-1) ?? 1;
  const rows = elementCount(integers.shape) / columns;
  const read = readerOf(integers);
  const zero = zeros && readerOf(zeros);
  const at = placeOf(scale.shape, rows, columns);
  if (!read || !at) return undefined;
  const scales = asFloat32(scale);
  return Float32Array.from({ length: rows * columns }, (_, i) => (read(i) - (zero?.(at(i)) ?? 0)) * scales[at(i)]!);
}

/** Which scale element `i` has. */
function placeOf(shape: readonly number[], rows: number, columns: number): ((i: number) => number) | undefined {
  if (elementCount(shape) === 1) return () => 0;
  if (shape.length === 1 && shape[0] === columns) return (i) => i % columns;
  return shape.length === 2 && shape[0] === rows && shape[1] === 1 ? (i) => Math.floor(i / columns) : undefined;
}

function readerOf(tensor: Tensor): ((i: number) => number) | undefined {
  const bytes = tensor.bytes();
  if (tensor.dtype === 'uint8') return (i) => bytes[i]!;
  if (tensor.dtype !== 'int8') return undefined;
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (i) => signed[i]!;
}

function halves(tensor: Tensor): Uint16Array {
  return new Uint16Array(tensor.bytes().slice().buffer);
}

function sameShape(a: Tensor, b: Tensor): boolean {
  return a.shape.length === b.shape.length && a.shape.every((dim, i) => dim === b.shape[i]);
}

/** The distance; of a square matrix the smaller of two, since a quantizer may have stored it transposed. */
function nearest(before: Tensor, after: Float32Array): number {
  const values = asFloat32(before);
  const [rows, columns] = before.shape;
  const direct = distanceOf(values, after);
  if (before.shape.length !== 2 || rows !== columns || direct <= far) return direct;
  return Math.min(direct, distanceOf(transposed(values, rows!), after));
}

function transposed(values: Float32Array, size: number): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % size) * size + Math.floor(i / size)]!);
}

function distanceOf(before: Float32Array, after: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < before.length; i++) {
    difference += (after[i]! - before[i]!) ** 2;
    size += before[i]! ** 2;
  }
  if (!Number.isFinite(difference)) return Infinity;
  return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
