// The weights that are trained, their gradients and moments, laid out where the optimizer's kernel and onnxruntime both work on them.
import { ModelError } from '../errors.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import { asFloat32, elementCount, type Tensor } from '../ir/tensor.ts';
import { ownKernels, type Kernels } from '../math/kernels/kernels.ts';

/** What the arrays are made for. */
export interface WeightPlan {
  readonly name: string;
  readonly decay: boolean;
  /** The start; float32. */
  readonly tensor: Tensor;
  /** Gradients come by rows (axis 0). */
  readonly byRows: boolean;
}

interface Common {
  readonly name: string;
  readonly decay: boolean;
  /** The weight as it is now: a session's input, and updated in place. */
  readonly value: HostTensor & { readonly data: Float32Array };
  /** Mean of gradients and of their squares. */
  readonly moments: readonly [Float32Array, Float32Array];
}

/** A weight whose gradient is an array like itself. All lie in the kernels' memory, each padded with zeros to a multiple of 4. */
export interface DenseWeight extends Common {
  readonly byRows: false;
  readonly gradient: HostTensor & { readonly data: Float32Array };
  /** The gradient of a piece that is added to `gradient`. */
  readonly more: HostTensor & { readonly data: Float32Array };
  readonly kernels: Kernels;
  /** Where value, gradient, moments and `more` begin in the kernels' memory. */
  readonly at: readonly [number, number, number, number, number];
  /** Numbers, padding counted. */
  readonly padded: number;
}

/** A table whose gradient is rows. */
export interface TableWeight extends Common {
  readonly byRows: true;
  /** Numbers in a row. */
  readonly width: number;
}

export type Weight = DenseWeight | TableWeight;

/** Value, gradient, two moments and the gradient of a piece; what is never written to costs no memory. */
const ARRAYS = 5;
/** A WebAssembly memory has 4 GiB; one less page, so that its length is a number of 32 bits. */
const MEMORY = 2 ** 32 - 2 ** 16;

/**
 * Lays weights out, in as many memories as they need.
 * @throws ModelError for a weight that is not float32, or too large for one memory (214 million numbers)
 */
export function layOut(plans: readonly WeightPlan[], memory = MEMORY): Weight[] {
  for (const { name, tensor } of plans) {
    if (tensor.dtype !== 'float32') {
      throw new ModelError(`weight '${name}': expected float32 to be trained, found ${tensor.dtype}`);
    }
    if (ARRAYS * bytesOf(tensor) > memory) {
      throw new ModelError(
        `weight '${name}': expected at most ${Math.floor(memory / (4 * ARRAYS))} numbers, found ${bytesOf(tensor) / 4}`,
      );
    }
  }
  const dense = new Map(
    share(
      plans.filter(({ byRows }) => !byRows),
      memory,
    ).flatMap(layOutDense),
  );
  return plans.map((plan) => (plan.byRows ? tableOf(plan) : dense.get(plan.name)!));
}

/** Cuts the weights into groups that fit a memory each. */
function share(plans: readonly WeightPlan[], memory: number): WeightPlan[][] {
  const groups: WeightPlan[][] = [];
  let room = 0;
  for (const plan of plans) {
    const bytes = ARRAYS * bytesOf(plan.tensor);
    if (groups.length === 0 || bytes > room) {
      groups.push([]);
      room = memory;
    }
    groups.at(-1)!.push(plan);
    room -= bytes;
  }
  return groups;
}

function layOutDense(plans: readonly WeightPlan[]): [string, DenseWeight][] {
  const total = plans.reduce((sum, { tensor }) => sum + bytesOf(tensor), 0);
  const kernels = ownKernels(ARRAYS * total);
  let from = 0;
  return plans.map(({ name, decay, tensor }) => {
    const at = [from, from + total, from + 2 * total, from + 3 * total, from + 4 * total] as const;
    from += bytesOf(tensor);
    const count = elementCount(tensor.shape);
    const array = (i: 0 | 1 | 2 | 3 | 4): Float32Array => new Float32Array(kernels.memory.buffer, at[i], count);
    const host = (i: 0 | 1 | 4) => ({ dtype: 'float32' as const, dims: tensor.shape, data: array(i) });
    const weight: DenseWeight = {
      name,
      decay,
      byRows: false,
      value: host(0),
      gradient: host(1),
      more: host(4),
      moments: [array(2), array(3)],
      kernels,
      at,
      padded: bytesOf(tensor) / 4,
    };
    weight.value.data.set(asFloat32(tensor));
    return [name, weight];
  });
}

function tableOf({ name, decay, tensor }: WeightPlan): TableWeight {
  const data = asFloat32(tensor).slice();
  return {
    name,
    decay,
    byRows: true,
    value: { dtype: 'float32', dims: tensor.shape, data },
    moments: [new Float32Array(data.length), new Float32Array(data.length)],
    width: data.length / (tensor.shape[0] ?? 1),
  };
}

/** Bytes of one array, padded to whole vectors of four numbers. */
function bytesOf(tensor: Tensor): number {
  return Math.ceil(elementCount(tensor.shape) / 4) * 16;
}
