// 8-bit form of a weight matrix: ranges measured now, integers made when they are written, one copy for all its readers.
import { ModelError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Names } from '../../ir/names.ts';
import { eachPiece, floatView, lazyTensor, memoryTensor, type Tensor } from '../../ir/tensor.ts';
import { addToRanges, affineParams, emptyRanges, mergeRanges, quantizeRows, transposeBytes, type AffineParams, type Grid } from '../../math/affine.ts';

/** How weights are quantized. */
export interface WeightScheme {
  readonly grid: Grid;
  readonly perChannel: boolean;
}

/** Initializer names of a quantized matrix [in, out]. */
export interface QuantizedWeight {
  readonly values: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

/** A stored matrix: its name, tensor, and which of its axes are the channels (0 rows, 1 columns). */
export interface StoredMatrix {
  readonly name: string;
  readonly tensor: Tensor;
  readonly channelAxis: 0 | 1;
}

/**
 * Quantize a matrix of float32, streaming it from disk twice: once for its ranges, once when the integers are written.
 * Throws ModelError where it holds NaN or infinity: its scale would be NaN.
 */
export function quantizeMatrix(matrix: StoredMatrix, scheme: WeightScheme): { params: AffineParams; integers: () => Int8Array | Uint8Array } {
  const [rows = 0, columns = 0] = matrix.tensor.shape;
  const eachRows = (use: (values: Float32Array, firstRow: number) => void): void => {
    if (columns > 0) eachPiece(matrix.tensor, 4 * columns, (bytes, offset) => use(floatView(bytes), offset / (4 * columns)));
  };
  const ranges = emptyRanges(matrix.channelAxis === 0 ? rows : columns);
  eachRows((values, firstRow) => addToRanges(ranges, values, columns, matrix.channelAxis, firstRow));
  if (ranges.nonFinite > 0) throw new ModelError(`expected finite weights in '${matrix.name}', found ${ranges.nonFinite} NaN or infinite`);
  const params = affineParams(scheme.perChannel ? ranges : mergeRanges(ranges), scheme.grid);
  const integers = (): Int8Array | Uint8Array => {
    const out = scheme.grid.signed ? new Int8Array(rows * columns) : new Uint8Array(rows * columns);
    eachRows((values, firstRow) => quantizeRows(values, columns, matrix.channelAxis, firstRow, params, scheme.grid, out));
    return out;
  };
  return { params, integers };
}

/**
 * Add the initializers of a matrix as MatMulInteger takes it: `NAME_quantized` [in, out], `NAME_scale` and `NAME_zero_point`
 * ([out] per channel, scalar per tensor). A stored [out, in] matrix is turned.
 */
export function addQuantizedMatrix(
  graph: Graph,
  names: Names,
  matrix: StoredMatrix,
  scheme: WeightScheme,
): QuantizedWeight {
  const { params, integers } = quantizeMatrix(matrix, scheme);
  const [rows = 0, columns = 0] = matrix.tensor.shape;
  const turned = matrix.channelAxis === 0;
  const dtype = scheme.grid.signed ? 'int8' : 'uint8';
  const weight = {
    values: names.fresh(`${matrix.name}_quantized`),
    scale: names.fresh(`${matrix.name}_scale`),
    zeroPoint: names.fresh(`${matrix.name}_zero_point`),
  };
  const paramShape = scheme.perChannel ? [params.scales.length] : [];
  graph.initializers.set(
    weight.values,
    turned ? lazyTensor(dtype, [columns, rows], () => transposeBytes(integers(), rows, columns)) : lazyTensor(dtype, [rows, columns], integers),
  );
  graph.initializers.set(weight.scale, memoryTensor('float32', paramShape, params.scales));
  const zeroPoints = scheme.grid.signed ? Int8Array.from(params.zeroPoints) : Uint8Array.from(params.zeroPoints);
  graph.initializers.set(weight.zeroPoint, memoryTensor(dtype, paramShape, zeroPoints));
  return weight;
}
