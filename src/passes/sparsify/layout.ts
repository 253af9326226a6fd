// A stored weight as rows of outputs and back, whichever way it lies in the file.
import { asFloat32, memoryTensor, type Tensor } from '../../ir/tensor.ts';
import { float16ToNumber, float32ToFloat16 } from '../../math/float16.ts';

/** How a dense layer's weight is stored. */
export interface Layout {
  readonly tensor: Tensor;
  /** True where it is stored [out, in]. */
  readonly outFirst: boolean;
  /** Outputs and inputs. */
  readonly rows: number;
  readonly columns: number;
}

/** Element types that can be read as numbers and written back without changing those that stay. */
export const floatTypes: ReadonlySet<string> = new Set(['float32', 'float16']);

/** The weight as [rows, columns]: a row is what one output reads. */
export function readRows({ tensor, outFirst, rows, columns }: Layout): Float64Array {
  const stored = numbersOf(tensor);
  if (outFirst) return Float64Array.from(stored);
  const values = new Float64Array(rows * columns);
  for (let column = 0; column < columns; column++)
    for (let row = 0; row < rows; row++) values[row * columns + column] = stored[column * rows + row]!;
  return values;
}

/** The tensor that holds `values` [rows, columns] as the weight is stored. */
export function writeRows({ tensor, outFirst, rows, columns }: Layout, values: Float64Array): Tensor {
  const stored = new Float32Array(rows * columns);
  if (outFirst) stored.set(values);
  else
    for (let column = 0; column < columns; column++)
      for (let row = 0; row < rows; row++) stored[column * rows + row] = values[row * columns + column]!;
  if (tensor.dtype === 'float32') return memoryTensor('float32', tensor.shape, stored);
  const halves = new Uint16Array(stored.length);
  float32ToFloat16(new Int32Array(stored.buffer), halves, { overflow: 0, underflow: 0, nonFinite: 0 });
  return memoryTensor('float16', tensor.shape, halves);
}

function numbersOf(tensor: Tensor): Float32Array {
  if (tensor.dtype === 'float32') return asFloat32(tensor);
  const bytes = tensor.bytes().slice();
  return Float32Array.from(new Uint16Array(bytes.buffer), float16ToNumber);
}
