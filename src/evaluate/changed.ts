// The examples that got worst from one model to another: a short list kept while rows stream by.

/** An example that got worse. */
export interface ChangedExample {
  readonly line: number;
  readonly text: string;
  readonly textPair?: string;
  readonly gold?: string;
  readonly before: string;
  readonly after: string;
  /** How much worse, in the unit of the task. */
  readonly loss: number;
}

/** Keeps the `most` examples of greatest loss, the earlier of equals. */
export class WorstChanged {
  readonly #most: number;
  /** By falling loss. */
  readonly #worst: ChangedExample[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** True where an example of this loss would be kept, so that its text is only made then. */
  wants(loss: number): boolean {
    return loss > 0 && (this.#worst.length < this.#most || loss > (this.#worst.at(-1)?.loss ?? Infinity));
  }

  add(example: ChangedExample): void {
    if (!this.wants(example.loss)) return;
    const after = this.#worst.findIndex((one) => one.loss < example.loss);
    this.#worst.splice(after < 0 ? this.#worst.length : after, 0, example);
    if (this.#worst.length > this.#most) this.#worst.pop();
  }

  finish(): readonly ChangedExample[] {
    return this.#worst;
  }
}
