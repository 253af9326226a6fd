// One model against the original while rows stream by: parity of the outputs, agreement of the predictions, what got worse.
import { isDeepStrictEqual } from 'node:util';
import { WorstChanged, type ChangedExample } from './changed.ts';
import { neighbourOverlap } from './neighbours.ts';
import { ParitySums, type Parity } from './parity-sums.ts';
import type { Example, TaskRun, Vectors } from './task.ts';

export interface Difference {
  /** Absent where the models' outputs cannot be laid side by side. */
  readonly parity?: Parity;
  readonly changed: readonly ChangedExample[];
}

/** A model's run and the labels that it counts in. */
export interface Side {
  readonly run: TaskRun;
  readonly labels?: readonly string[] | undefined;
}

export class Versus {
  readonly #before: TaskRun;
  readonly #after: TaskRun;
  /** Scores of the two are of the same labels. */
  readonly #comparable: boolean;
  readonly #sums: ParitySums;
  readonly #worst: WorstChanged;
  #rows = 0;
  #same = 0;

  constructor(before: Side, after: Side, showChanged: number) {
    this.#before = before.run;
    this.#after = after.run;
    this.#comparable = isDeepStrictEqual(before.labels, after.labels);
    this.#sums = new ParitySums(before.run.classes);
    this.#worst = new WorstChanged(showChanged);
  }

  /** Adds the two predictions for an example; `example` is the original's. */
  add(example: Example, before: unknown, after: unknown): void {
    this.#rows++;
    this.#addVectors(before, after);
    const shown = this.#before.show?.(before, example);
    if (shown !== undefined && shown === this.#after.show?.(after, example)) this.#same++;
    const loss = (this.#comparable && this.#before.loss?.(example, before, after)) || 0;
    if (this.#worst.wants(loss)) this.#keep(example, shown ?? '', after, loss);
  }

  /** A model that was fed other tokens may give more vectors or fewer: those are not compared. */
  #addVectors(before: unknown, after: unknown): void {
    if (!this.#comparable) return;
    const [a, b] = [this.#before.vectors?.(before) ?? [], this.#after.vectors?.(after) ?? []];
    if (a.length !== b.length) return;
    a.forEach((vector, i) => {
      if (vector.length > 0 && vector.length === b[i]!.length) this.#sums.add(vector, b[i]!);
    });
  }

  #keep(example: Example, shown: string, after: unknown, loss: number): void {
    const { line, text, textPair } = example.row;
    const gold = this.#before.showGold?.(example.gold);
    this.#worst.add({
      line,
      text,
      ...(textPair === undefined ? {} : { textPair }),
      ...(gold === undefined ? {} : { gold }),
      before: shown,
      after: this.#after.show?.(after, example) ?? '',
      loss,
    });
  }

  /** @param before, after embeddings of the same rows, where the task has them */
  finish(before: Vectors | undefined, after: Vectors | undefined): Difference {
    const found = this.#sums.finish();
    const neighbours = before && after ? neighbourOverlap(before, after) : undefined;
    const tells = this.#before.show !== undefined && this.#before.graded !== true;
    const agreement = tells ? this.#same / this.#rows : undefined;
    return {
      ...(found && {
        parity: {
          ...found,
          ...(agreement === undefined ? {} : { agreement }),
          ...(neighbours === undefined ? {} : { neighbours }),
        },
      }),
      changed: this.#worst.finish(),
    };
  }
}
