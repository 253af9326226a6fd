// Runs a model over prepared rows and scores it.
import { DataError } from '../errors.ts';
import { makeBatches, type Batches } from '../data/batches.ts';
import type { ModelConfig } from '../data/config.ts';
import type { Dataset } from '../data/rows.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { Session } from '../runtime/session.ts';
import { makeFeeds } from './feeds.ts';
import type { ChosenOutput } from './outputs.ts';
import { checkRoles, fixedShape, rolesByName, type FixedShape, type InputRoles } from './roles.ts';
import type { Outcome, Prepared, PrepareContext, Task } from './task.ts';

export interface RunOptions {
  /** Inputs by meaning; default by their names. */
  readonly roles?: InputRoles | undefined;
  /** Rows at once; default 32. */
  readonly batch?: number | undefined;
  /** Called after every batch with the sequences done so far. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Looked at before every batch; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** What one model scored on the prepared rows. */
export interface Evaluation extends Outcome {
  readonly task: string;
  readonly metric?: string;
  readonly samples: number;
  /** The output that was read, and why that one. */
  readonly output: ChosenOutput;
  /** Wall time of the runs in seconds. */
  readonly seconds: number;
}

const defaultBatch = 32;

/**
 * Tokenizes a data set for a task, once for all models that are to be measured on it.
 * @throws DataError where the task needs a label or a second text and the data has none
 */
export function prepare(task: Task, dataset: Dataset, context: PrepareContext): Prepared {
  const missing =
    task.needs.label && dataset.columns.label === undefined
      ? 'a label'
      : task.needs.textPair && dataset.columns.textPair === undefined
        ? 'a second text'
        : undefined;
  if (missing !== undefined) {
    const found = Object.entries(dataset.columns).map(([role, name]) => `${role} '${name}'`);
    throw new DataError(`${dataset.path}: expected ${missing} column for ${task.name}, found only ${found.join(', ')}`);
  }
  return task.prepare(dataset, context);
}

/**
 * Most tokens of a sequence: what was asked for, but no more than the model's fixed input, its position table and
 * its tokenizer allow; 512 where nothing says anything.
 */
export function sequenceLimit(limits: {
  readonly asked?: number | undefined;
  readonly fixed?: FixedShape | undefined;
  readonly config?: ModelConfig | undefined;
  readonly tokenizer?: Pick<Tokenizer, 'maxLength'> | undefined;
}): number {
  const known = [limits.asked, limits.fixed?.sequence, limits.config?.maxPositions, limits.tokenizer?.maxLength];
  const numbers = known.filter((limit) => limit !== undefined);
  return numbers.length === 0 ? 512 : Math.min(...numbers);
}

/**
 * Measures one model.
 * @throws ModelError where an input cannot be fed, no output serves the task, or a run fails; DataError for a row that
 * is longer than the model's fixed input
 */
export async function evaluate(session: Session, prepared: Prepared, options: RunOptions = {}): Promise<Evaluation> {
  const roles = options.roles ?? rolesByName(session.inputs);
  checkRoles(session.inputs, roles);
  const collector = prepared.collect(session.outputs);
  const fetch = [collector.output.name];
  const batches = batchesFor(fixedShape(session.inputs, roles), roles.mask !== undefined, prepared, options.batch);
  const started = performance.now();
  let done = 0;
  for (const batch of batches) {
    options.signal?.throwIfAborted();
    const outputs = await session.run(makeFeeds(session.inputs, roles, batch), fetch);
    const value = outputs[collector.output.name];
    if (value !== undefined) collector.add(batch, value);
    done += batch.rows.length;
    options.progress?.(done, batches.rows);
  }
  return {
    task: prepared.task,
    ...(prepared.metric === undefined ? {} : { metric: prepared.metric }),
    samples: prepared.samples,
    output: collector.output,
    seconds: (performance.now() - started) / 1000,
    ...collector.finish(),
  };
}

/**
 * Batches in the shape that the models take.
 * @param masked false where a model takes no mask: then only sequences of one length share a batch
 */
export function batchesFor(fixed: FixedShape, masked: boolean, prepared: Prepared, batch = defaultBatch): Batches {
  return makeBatches(prepared.sequences, {
    batch,
    fixedBatch: fixed.batch,
    fixedSequence: fixed.sequence,
    unpadded: !masked,
    padId: prepared.padId,
    padSide: prepared.padSide,
  });
}
