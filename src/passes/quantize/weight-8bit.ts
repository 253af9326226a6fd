// 8-bit form of a weight matrix: ranges measured now, integers made when they are written, one copy for all its readers.
import { ModelError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Names } from '../../ir/names.ts';
import {
  eachPiece,
  floatView,
  lazyTensor,
  memoryTensor,
  readInto,
  streamedTensor,
  type Tensor,
} from '../../ir/tensor.ts';
import {
  affineParams,
  mergeRanges,
  Quantizer,
  RangeCollector,
  transposeBytes,
  type AffineParams,
  type Grid,
} from '../../math/affine.ts';

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

/** A quantized matrix in the stored layout: its parameters, and its integers, made when they are written. */
export interface QuantizedMatrix {
  readonly params: AffineParams;
  readonly integers: Tensor;
}

/**
 * Quantize a matrix of float32, streaming it from disk twice: once for its ranges, once when the integers are written.
 * Throws ModelError where it holds NaN or infinity: its scale would be NaN.
 */
export function quantizeMatrix(matrix: StoredMatrix, scheme: WeightScheme): QuantizedMatrix {
  const { tensor, channelAxis } = matrix;
  const [rows = 0, columns = 0] = tensor.shape;
  const collector = new RangeCollector(rows, columns, channelAxis, scheme.grid.symmetric);
  if (columns > 0) {
    eachPiece(tensor, 4 * columns, (bytes, offset) => {
      const values = floatView(bytes);
      collector.add(new Int32Array(values.buffer, values.byteOffset, values.length), offset / (4 * columns));
    });
  }
  const ranges = collector.ranges();
  if (ranges.nonFinite > 0) {
    throw new ModelError(
      `expected finite weights in '${matrix.name}', found NaN or infinity in ${ranges.nonFinite} of its ${channelAxis === 0 ? 'rows' : 'columns'}`,
    );
  }
  const params = affineParams(scheme.perChannel ? ranges : mergeRanges(ranges), scheme.grid);
  let quantizer: Quantizer | undefined;
  let values = new Float32Array(0);
  const integers = streamedTensor(scheme.grid.signed ? 'int8' : 'uint8', tensor.shape, (into, offset) => {
    quantizer ??= new Quantizer(columns, channelAxis, params, scheme.grid);
    if (values.length < into.length) values = new Float32Array(into.length);
    const piece = values.subarray(0, into.length);
    readInto(tensor, new Uint8Array(piece.buffer, 0, 4 * into.length), 4 * offset);
    quantizer.quantize(piece, offset, into);
  });
  return { params, integers };
}

/**
 * Add the initializers of a matrix as MatMulInteger takes it: `NAME_quantized` [in, out], `NAME_scale` and `NAME_zero_point`
 * ([out] per channel, scalar per tensor). A stored [out, in] matrix is turned. Where `turnedByNode`, the integers are there already and a
 * node turns them: only their name is given out.
 */
export function addQuantizedMatrix(
  graph: Graph,
  names: Names,
  matrix: StoredMatrix,
  scheme: WeightScheme,
  turnedByNode = false,
): QuantizedWeight {
  const { params, integers } = quantizeMatrix(matrix, scheme);
  const [rows = 0, columns = 0] = matrix.tensor.shape;
  const { dtype } = integers;
  const weight = {
    values: names.fresh(`${matrix.name}_quantized${turnedByNode ? '_transposed' : ''}`),
    scale: names.fresh(`${matrix.name}_scale`),
    zeroPoint: names.fresh(`${matrix.name}_zero_point`),
  };
  const turned = matrix.channelAxis === 0;
  if (!turnedByNode)
    graph.initializers.set(
      weight.values,
      turned ? lazyTensor(dtype, [columns, rows], () => transposeBytes(integers.bytes(), rows, columns)) : integers,
    );
  const paramShape = scheme.perChannel ? [params.scales.length] : [];
  graph.initializers.set(weight.scale, memoryTensor('float32', paramShape, params.scales));
  // two's complement in the low byte serves int8 and uint8 alike
  graph.initializers.set(weight.zeroPoint, memoryTensor(dtype, paramShape, Uint8Array.from(params.zeroPoints)));
  return weight;
}
