// AdamW: decoupled weight decay, clipping, penalties, accumulated gradients; one pass over the weights.
import type { HostTensor } from '../ir/host-tensor.ts';
import { kernelsWith } from '../math/kernels/kernels.ts';
import { TableGradient } from './table-gradient.ts';
import { maskGradient } from './zeros.ts';
import type { DenseWeight, TableWeight, Weight } from './weights.ts';

export interface AdamWOptions {
  readonly decay: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly clipNorm: number;
  readonly clipValue: number;
  readonly l1: number;
  readonly l2: number;
  /** Names of weights whose zeros stay zero. */
  readonly keepZeros?: readonly string[] | undefined;
  /** So do those that are added on a schedule. */
  readonly gradual?: { readonly of: readonly string[] } | undefined;
}

export const adamWDefaults: AdamWOptions = {
  decay: 0.01,
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  clipNorm: 1,
  clipValue: Infinity,
  l1: 0,
  l2: 0,
};

/** The square of a number below it is a float32. */
const LARGEST = 2 ** 63;
/** Numbers of table rows that are updated at once: four arrays of this length stay in a core's cache. */
const PIECE = 4096;

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2, with PyTorch's place for epsilon) over float32.
 * Tables with gradients by rows are updated lazily, as PyTorch's SparseAdam does: only rows that have a gradient in this
 * step move, their moments and decay with them; bias correction counts the steps of all.
 */
export class AdamW {
  /** Steps taken. */
  steps = 0;
  readonly weights: readonly Weight[];
  readonly #options: AdamWOptions;
  readonly #tables = new Map<string, TableGradient>();
  readonly #sparse: ReadonlySet<string>;

  constructor(weights: readonly Weight[], options: AdamWOptions) {
    this.weights = weights;
    this.#options = options;
    this.#sparse = new Set([...(options.keepZeros ?? []), ...(options.gradual?.of ?? [])]);
    for (const weight of weights) if (weight.byRows) this.#tables.set(weight.name, new TableGradient(weight.width));
  }

  /** Adds rows to the gradient of a table in this step. */
  addRows(weight: TableWeight, indices: HostTensor, rows: HostTensor): void {
    this.#tables.get(weight.name)!.add(indices, rows, weight.value.dims[0]!);
  }

  /** Forgets rows that were added: the step is not taken. */
  discard(): void {
    for (const table of this.#tables.values()) table.clear();
  }

  /**
   * Takes a step along the gradients: those of dense weights lie in `gradient`, those of tables were added by rows.
   * @param scale what the gradients are multiplied with before all else: one over accumulated batches and loss scale
   * @returns the global norm of the gradient before it was clipped, and whether a step was taken: not where it is not finite
   */
  step(rate: number, scale = 1): { readonly norm: number; readonly taken: boolean } {
    for (const weight of this.weights) {
      if (this.#sparse.has(weight.name)) maskGradient(weight);
      this.#prepare(weight, scale);
    }
    const norm = Math.sqrt(this.weights.reduce((sum, weight) => sum + this.#squares(weight), 0)) * this.#left(scale);
    const taken = Number.isFinite(norm) && Math.min(norm, this.#options.clipNorm) < LARGEST;
    if (taken) {
      this.steps++;
      // PyTorch's clip_grad_norm_ adds 1e-6 as well
      const clip = Math.min(1, this.#options.clipNorm / (norm + 1e-6)) * this.#left(scale);
      for (const weight of this.weights) {
        if (weight.byRows) this.#updateTable(weight, rate, clip);
        else this.#updateDense(weight, rate, clip);
      }
    }
    this.discard();
    return { norm, taken };
  }

  /** Whether gradients have to be changed before their norm is taken; rarely, and it costs a pass. */
  get #prepares(): boolean {
    const { clipValue, l1, l2 } = this.#options;
    return clipValue < Infinity || l1 > 0 || l2 > 0;
  }

  /** What of `scale` is still to be applied after `#prepare`. */
  #left(scale: number): number {
    return this.#prepares ? 1 : scale;
  }

  /** Scales the gradient, adds the penalties' and clips by value, in place. */
  #prepare(weight: Weight, scale: number): void {
    if (!this.#prepares) return;
    const { clipValue } = this.#options;
    const [l1, l2] = weight.decay ? [this.#options.l1, this.#options.l2] : [0, 0];
    const change = (gradient: Float32Array, values: Float32Array): void => {
      for (let i = 0; i < gradient.length; i++) {
        const value = values[i]!;
        const all = gradient[i]! * scale + l1 * Math.sign(value) + l2 * value;
        // an infinite one is not clipped: the step is not to be taken
        gradient[i] = Math.abs(all) === Infinity ? all : Math.min(clipValue, Math.max(-clipValue, all));
      }
    };
    if (!weight.byRows) return change(weight.gradient.data, weight.value.data);
    const { rows, sums } = this.#tables.get(weight.name)!;
    rows.forEach((row, i) => change(rowOf(sums, i, weight.width), rowOf(weight.value.data, row, weight.width)));
  }

  #squares(weight: Weight): number {
    if (!weight.byRows) return weight.kernels.sumOfSquares(weight.at[1], weight.padded);
    let sum = 0;
    for (const value of this.#tables.get(weight.name)!.sums) sum += value * value;
    return sum;
  }

  #updateDense(
    { kernels, at: [value, gradient, first, second], padded, decay }: DenseWeight,
    rate: number,
    scale: number,
  ): void {
    kernels.adamW(value, gradient, first, second, padded, ...this.#factors(rate, scale, decay));
  }

  /** Copies the rows of a piece together, updates them as if they were one weight, and copies them back. */
  #updateTable(weight: TableWeight, rate: number, scale: number): void {
    const { rows, sums } = this.#tables.get(weight.name)!;
    const { width, moments, value, decay } = weight;
    const factors = this.#factors(rate, scale, decay);
    const size = Math.max(1, Math.floor(PIECE / width));
    const bytes = Math.ceil((size * width) / 4) * 16;
    const kernels = kernelsWith(4 * bytes);
    const array = (i: number): Float32Array => new Float32Array(kernels.memory.buffer, i * bytes, bytes / 4);
    const gradient = array(1);
    const kept = [array(0), array(2), array(3)];
    const tables = [value.data, ...moments];
    for (const copy of [gradient, ...kept]) copy.fill(0);
    for (let from = 0; from < rows.length; from += size) {
      const piece = rows.slice(from, from + size);
      gradient.set(sums.subarray(from * width, (from + piece.length) * width));
      kept.forEach((copy, t) => piece.forEach((row, i) => copy.set(rowOf(tables[t]!, row, width), i * width)));
      kernels.adamW(0, bytes, 2 * bytes, 3 * bytes, Math.ceil((piece.length * width) / 4) * 4, ...factors);
      kept.forEach((copy, t) => piece.forEach((row, i) => tables[t]!.set(rowOf(copy, i, width), row * width)));
    }
  }

  /** The kernel's factors; see kernels.wat. */
  #factors(rate: number, scale: number, decay: boolean): [number, number, number, number, number, number, number] {
    const { betas, epsilon } = this.#options;
    const [first, second] = betas.map((beta) => 1 - beta ** this.steps) as [number, number];
    const keep = decay ? 1 - rate * this.#options.decay : 1;
    return [scale, 1 - betas[0], 1 - betas[1], keep, rate / first, 1 / Math.sqrt(second), epsilon];
  }
}

function rowOf(table: Float32Array, row: number, width: number): Float32Array {
  return table.subarray(row * width, (row + 1) * width);
}
