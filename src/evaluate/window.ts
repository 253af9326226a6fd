// Runs a model over the examples of one window: sequences of similar length share a batch, whatever example they are of.
import { makeBatches, type Batches } from '../data/batches.ts';
import type { Encoding } from '../data/tokenizer/tokenizer.ts';
import type { Session } from '../runtime/session.ts';
import { makeFeeds } from './feeds.ts';
import type { ChosenOutput } from './outputs.ts';
import { fixedShape, type FixedShape, type InputRoles } from './roles.ts';
import { inOrder, slicer } from './sequence-values.ts';
import type { Example, TaskRun } from './task.ts';

/** A model and how to feed and read it. */
export interface Subject {
  readonly session: Session;
  readonly roles: InputRoles;
  readonly outputs: readonly ChosenOutput[];
  /** For each label of the task where its score stands in the outputs of this model; absent where in order. */
  readonly columns?: readonly number[] | undefined;
}

export interface Padding {
  readonly padId: number;
  readonly padSide: 'left' | 'right';
}

export interface WindowOptions {
  /** Rows at once; default 32. */
  readonly batch?: number | undefined;
  /** Looked at before every batch; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every batch with the sequences that are done, and all of the window's. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

const defaultBatch = 32;

/** Predictions of a model for the examples, in their order. @throws ModelError where a run fails; DataError for a text longer than the model's fixed input */
export async function runWindow(
  subject: Subject,
  run: TaskRun,
  examples: readonly Example[],
  padding: Padding,
  options: WindowOptions = {},
): Promise<unknown[]> {
  const { session, roles, outputs, columns } = subject;
  const places = examples.flatMap((example, of) =>
    example.sequences.map((encoding, index) => ({ of, index, encoding })),
  );
  const parts = examples.map((example): unknown[] => Array.from({ length: example.sequences.length }));
  const sequences = places.map((place) => place.encoding);
  let done = 0;
  const batches = batchesFor(sequences, {
    ...padding,
    fixed: fixedShape(session.inputs, roles),
    masked: roles.mask !== undefined,
    batch: options.batch,
    maxTokens: run.maxTokens,
  });
  for (const batch of batches) {
    options.signal?.throwIfAborted();
    const values = await session.run(
      makeFeeds(session.inputs, roles, batch),
      outputs.map((output) => output.name),
    );
    const slices = outputs.map((output) => slicer(output, batch, values[output.name]!, padding.padSide));
    batch.rows.forEach((row, i) => {
      const { of, index, encoding } = places[row]!;
      parts[of]![index] = run.reduce(
        slices.map((slice) => inOrder(slice(i, encoding.ids.length), columns)),
        examples[of]!,
        index,
      );
    });
    done += batch.rows.length;
    options.progress?.(done, places.length);
  }
  return examples.map((example, i) => run.predict(example, parts[i]!));
}

/** What batches of a model look like. */
export interface BatchPlan extends Padding {
  readonly fixed: FixedShape;
  /** false where a model takes no mask: then only sequences of one length share a batch. */
  readonly masked: boolean;
  readonly batch?: number | undefined;
  readonly maxTokens?: number | undefined;
}

/** Batches in the shape that a model takes. */
export function batchesFor(sequences: readonly Encoding[], plan: BatchPlan): Batches {
  return makeBatches(sequences, {
    batch: plan.batch ?? defaultBatch,
    fixedBatch: plan.fixed.batch,
    fixedSequence: plan.fixed.sequence,
    maxTokens: plan.maxTokens,
    unpadded: !plan.masked,
    padId: plan.padId,
    padSide: plan.padSide,
  });
}
