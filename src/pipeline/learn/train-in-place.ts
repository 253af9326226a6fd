// What verbs that train have in common around the training: where the model goes, what an interruption leaves, what is cleaned up.
import { existsSync, rmSync } from 'node:fs';
import { UsageError } from '../../errors.ts';
import { resolveModel } from '../../model-path.ts';
import type { CompressionReport } from '../../report/schema.ts';
import type { TrainResult } from '../../train/types.ts';
import { planFolder, Staging, type OutputPlan } from '../output.ts';
import { Scratch } from './training.ts';

export interface PlaceOptions {
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  /** Go on where a killed run left its checkpoint. */
  readonly resume?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A training that has ended, and where its model goes. */
export interface Made<S> {
  readonly setUp: S;
  readonly result: TrainResult;
  readonly plan: OutputPlan;
  readonly staging: Staging;
  /** Folder of checkpoints. */
  readonly checkpoint: string;
  /** Of `performance.now()`. */
  readonly started: number;
}

/** The verb's own parts. */
export interface TrainingVerb<S, R> {
  /** Of the default output, `NAME-SUFFIX`. */
  readonly suffix: string;
  setUp(): Promise<S>;
  /** The plan with what the set-up changes in it. */
  plan(place: OutputPlan, setUp: S): OutputPlan;
  run(setUp: S, checkpoint: string, scratch: Scratch): Promise<R & Pick<Made<S>, 'result'>>;
  finish(made: Made<S> & R, scratch: Scratch): Promise<CompressionReport>;
}

/**
 * Train from a model. An interruption after the first step ends the training, not the work: what was best so far is written.
 * Throws UsageError, ModelError, DataError; the signal's reason where not a step was taken.
 */
export async function trainInPlace<S, R>(
  model: string,
  options: PlaceOptions,
  verb: TrainingVerb<S, R>,
): Promise<CompressionReport> {
  const started = performance.now();
  const replace = options.force || options.resume || false;
  const place = planFolder(resolveModel(model), verb.suffix, options.output, replace);
  const checkpoint = `${place.folder ?? place.path}.checkpoint`;
  clearCheckpoint(checkpoint, options);
  const setUp = await verb.setUp();
  const plan = verb.plan(place, setUp);
  const staging = new Staging(plan);
  const scratch = new Scratch();
  try {
    options.signal?.throwIfAborted();
    const done = await verb.run(setUp, checkpoint, scratch);
    if (done.result.stopped === 'interrupted' && done.result.steps === 0) {
      rmSync(checkpoint, { recursive: true, force: true }); // nothing to go on from
      options.signal?.throwIfAborted();
    }
    return await verb.finish({ setUp, plan, staging, checkpoint, started, ...done }, scratch);
  } catch (error) {
    staging.discard();
    throw error;
  } finally {
    scratch.dispose();
  }
}

/** Checkpoints of an earlier run are neither mixed with those of this one nor thrown away unasked. Throws UsageError. */
function clearCheckpoint(folder: string, { resume, force }: PlaceOptions): void {
  if (resume === true || !existsSync(folder)) return;
  if (force !== true)
    throw new UsageError(
      `${folder}: expected no checkpoint there, found that of an earlier run: --resume goes on from it, --force begins anew`,
    );
  rmSync(folder, { recursive: true });
}
