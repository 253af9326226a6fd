// One weight made sparse: by magnitude, by Wanda, by SparseGPT.
import { ModelError } from '../../errors.ts';
import { dampedFactor, sparseGpt, type DampedFactor } from '../../math/sparse-gpt.ts';
import { markMatrix, type Amount } from '../../math/sparsity.ts';
import type { Method } from './amount.ts';
import type { Target } from './targets.ts';

/**
 * What the rules know of a value that denses read, over all tokens of the texts: sums of squares [columns], or products
 * X^T X [columns, columns], float64.
 */
export type ActivationSums = ReadonlyMap<string, Float64Array>;

/** Makes weights sparse; what several of them need of the same inputs is computed once. */
export class WeightSparsifier {
  readonly #method: Method;
  readonly #amount: Amount;
  readonly #sums: ActivationSums;
  #last: { readonly key: string; readonly found: DampedFactor } | undefined;
  /** Greatest damping that was needed, as a share of the mean of the diagonal. */
  damping = 0;

  constructor(method: Method, amount: Amount, sums: ActivationSums) {
    this.#method = method;
    this.#amount = amount;
    this.#sums = sums;
  }

  /**
   * Changes `values` [rows, columns] in place. Throws ModelError where the weight or its inputs are not finite or all zero.
   * Magnitude: the smallest |w| of the matrix (Han et al. 2015). Wanda: the smallest |w_ij| ||x_j|| of each row (Sun et al. 2024).
   */
  run(target: Target, values: Float64Array): void {
    const { name, rows, columns } = target;
    if (!values.every(Number.isFinite))
      throw new ModelError(`expected finite weights in '${name}', found NaN or infinity`);
    if (this.#method === 'sparsegpt') return sparseGpt(values, rows, columns, this.#factor(target), this.#amount);
    const norms = this.#method === 'wanda' ? this.#norms(target) : undefined;
    const scores = values.map((value, i) => Math.abs(value) * (norms ? norms[i % columns]! : 1));
    const marks = markMatrix(scores, rows, columns, this.#amount, norms ? 'row' : 'matrix');
    marks.forEach((mark, i) => {
      if (mark) values[i] = 0;
    });
  }

  /** ||x_j|| over all tokens. */
  #norms(target: Target): Float64Array {
    const norms = this.#sumOf(target).map(Math.sqrt);
    if (!norms.every(Number.isFinite)) throw notFinite(target);
    return norms;
  }

  #factor(target: Target): Float64Array {
    const key = target.inputs.join();
    if (this.#last?.key !== key) {
      const found = dampedFactor(this.#sumOf(target), target.columns);
      if (!found) throw notFinite(target);
      this.damping = Math.max(this.damping, found.damping);
      this.#last = { key, found };
    }
    return this.#last.found.factor;
  }

  /** Over all values that are multiplied with a shared weight. */
  #sumOf({ name, inputs }: Target): Float64Array {
    const [first, ...others] = inputs.map((input) => {
      const sums = this.#sums.get(input);
      if (!sums) throw new ModelError(`'${name}': expected statistics of its input '${input}', found none`);
      return sums;
    });
    if (others.length === 0) return first!;
    const total = first!.slice();
    for (const other of others) other.forEach((value, i) => (total[i]! += value));
    return total;
  }
}

function notFinite({ name, inputs }: Target): ModelError {
  return new ModelError(`'${name}': expected inputs that are finite and not all zero, found others in '${inputs[0]}'`);
}
