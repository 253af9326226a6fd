// Runs a model over the examples of one window: sequences of similar length share a batch, whatever example they are of.
import { makeBatches, type Batches } from '../data/batches.ts';
import type { Encoding } from '../data/tokenizer.ts';
import type { Session } from '../runtime/session.ts';
import { makeFeeds } from './feeds.ts';
import type { ChosenOutput } from './outputs.ts';
import { fixedShape, type InputRoles } from './roles.ts';
import { slicer } from './sequence-values.ts';
import type { Example, TaskRun } from './task.ts';

/** A model and how to feed and read it. */
export interface Subject {
  readonly session: Session;
  readonly roles: InputRoles;
  readonly outputs: readonly ChosenOutput[];
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
  const { session, roles, outputs } = subject;
  const places = examples.flatMap((example, of) => example.sequences.map((encoding, index) => ({ of, index, encoding })));
  const parts = examples.map((example): unknown[] => Array.from({ length: example.sequences.length }));
  const sequences = places.map((place) => place.encoding);
  let done = 0;
  for (const batch of batchesFor(subject, sequences, padding, options.batch, run.maxTokens)) {
    options.signal?.throwIfAborted();
    const values = await session.run(
      makeFeeds(session.inputs, roles, batch),
      outputs.map((output) => output.name),
    );
    const slices = outputs.map((output) => slicer(output, batch, values[output.name]!, padding.padSide));
    batch.rows.forEach((row, i) => {
      const { of, index, encoding } = places[row]!;
      parts[of]![index] = run.reduce(
        slices.map((slice) => slice(i, encoding.ids.length)),
        examples[of]!,
        index,
      );
    });
    done += batch.rows.length;
    options.progress?.(done, places.length);
  }
  return examples.map((example, i) => run.predict(example, parts[i]!));
}

/** Batches in the shape that the model takes; of a model without a mask only sequences of one length share a batch. */
export function batchesFor(
  { session, roles }: Pick<Subject, 'session' | 'roles'>,
  sequences: readonly Encoding[],
  { padId, padSide }: Padding,
  batch = defaultBatch,
  maxTokens?: number,
): Batches {
  const fixed = fixedShape(session.inputs, roles);
  return makeBatches(sequences, {
    batch,
    fixedBatch: fixed.batch,
    fixedSequence: fixed.sequence,
    maxTokens,
    unpadded: roles.mask === undefined,
    padId,
    padSide,
  });
}
