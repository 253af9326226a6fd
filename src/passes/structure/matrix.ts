// The weight of a dense layer as a matrix [in, out], whatever way round it is stored, and back.
import { nameOf } from '../../bert/scene.ts';
import type { Dense } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import { asFloat32, floats } from '../../ir/tensor.ts';

/** [in, out] */
export function matrixOf(dense: Dense): Float32Array {
  const values = asFloat32(dense.weight.tensor);
  const { inFeatures: rows, outFeatures: columns } = dense;
  return storedTurned(dense) ? transpose(values, columns, rows) : values;
}

/** Bias of a dense layer, zeros where it has none. */
export function biasOf({ bias, outFeatures }: Dense): Float32Array {
  return bias ? asFloat32(bias.weight.tensor) : new Float32Array(outFeatures);
}

/** Puts a matrix [in, out], and a bias where the layer has one, into the graph under the old names. */
export function putMatrix(graph: Graph, dense: Dense, matrix: Float32Array, bias?: Float32Array): void {
  const { weight, inFeatures, outFeatures } = dense;
  const values = storedTurned(dense) ? transpose(matrix, inFeatures, outFeatures) : matrix;
  put(graph, weight.name, floats(weight.tensor.shape, values));
  if (bias && dense.bias) put(graph, dense.bias.weight.name, floats(dense.bias.weight.tensor.shape, bias));
}

function put(graph: Graph, name: string, tensor: ReturnType<typeof floats>): void {
  graph.initializers.set(name, tensor);
  graph.nodes = graph.nodes.filter((node) => node.outputs[0] !== name);
}

function storedTurned({ node, op, outFirst, weight }: Dense): boolean {
  const turns = weight.through.filter((one) => one.op === 'Transpose').length;
  const plain = weight.through.every((one) => one.op === 'Identity' || one.op === 'Transpose');
  if (weight.dtype !== 'float32' || !plain || !/^(MatMul|Gemm|FusedMatMul|FusedGemm)$/.test(op))
    throw new ModelError(
      `'${nameOf(node)}': expected MatMul or Gemm with float32 weights, found ${op} of ${weight.dtype}`,
    );
  return outFirst !== (turns % 2 === 1);
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = values[r * columns + c]!;
  return turned;
}
