// Dynamic loss scaling: gradients that are computed in float16 are kept within its range (Micikevicius et al. 2018, section 3.2).

/** Where it stands: plain data, for the checkpoint. */
export interface LossScaleState {
  /** What the loss is multiplied with; gradients are divided by it before anything else is done with them. */
  scale: number;
  /** Steps in a row whose gradients were finite. */
  good: number;
  /** Steps that were skipped because a gradient was not. */
  skipped: number;
}

/** PyTorch's GradScaler: 2^16 at first, halved when a gradient overflows, doubled after 2,000 steps in a row without. */
const START = 2 ** 16;
const PATIENCE = 2000;
/** A gradient that overflows with it does so because of itself. */
const LEAST = 1;
/** Beyond it the scaled loss, a float32 of up to 2^64, would near the end of its range. */
const MOST = 2 ** 63;

export class LossScale {
  state: LossScaleState = { scale: START, good: 0, skipped: 0 };
  readonly #patience: number;

  constructor(patience = PATIENCE) {
    this.#patience = patience;
  }

  /**
   * Takes note of a step.
   * @param finite whether its gradients were
   * @returns true where the step is to be skipped and the next one tried with a smaller scale; false for a step that was taken,
   *   or whose gradient is not finite whatever the scale
   */
  note(finite: boolean): boolean {
    const { state } = this;
    if (finite) {
      state.good++;
      if (state.good % this.#patience === 0) state.scale = Math.min(MOST, 2 * state.scale);
      return false;
    }
    state.good = 0;
    if (state.scale <= LEAST) return false;
    state.scale /= 2;
    state.skipped++;
    return true;
  }
}
