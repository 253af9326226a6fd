// Fine-tuning: read -> prepare rows -> head -> train -> write under a temporary name -> measure -> judge -> rename, and a Report.
import { existsSync, rmSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import { resolveModel } from '../model-path.ts';
import type { TrainOptions } from '../train/types.ts';
import type { CompressionReport } from '../report/schema.ts';
import { silent, type Events } from './events.ts';
import { finishFit, withConfig } from './fit-finish.ts';
import { learn } from './fit-learn.ts';
import { setUpFit, type FitSetUp, type SetUpOptions } from './fit-set-up.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { planFolder, Staging } from './output.ts';
import { Scratch, type RunOptions } from './training.ts';

export interface FitOptions extends SetUpOptions, RunOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
  /** Of drawing batches from several tasks; default 1, in proportion to size. */
  readonly taskTemperature?: number | undefined;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Go on where a killed run left its checkpoint. */
  readonly resume?: boolean | undefined;
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  /** Keep the output under its final name even where a gate fails. */
  readonly keep?: boolean | undefined;
  readonly gates: Gates;
}

/**
 * Fine-tune a model. An interruption ends the training, not the work: what was best so far is written.
 * Throws UsageError, ModelError, DataError.
 */
export async function fit(options: FitOptions, events: Events = silent): Promise<CompressionReport> {
  const started = performance.now();
  const judged = options.sources.every(({ dev }) => dev !== undefined) || options.split !== 0;
  refuseUncheckable(options.gates, { data: judged, latency: false });
  const place = planFolder(
    resolveModel(options.model),
    'trained',
    options.output,
    options.force || options.resume || false,
  );
  const checkpoint = `${place.folder ?? place.path}.checkpoint`;
  clearCheckpoint(checkpoint, options);
  const setUp = await setUpFit(options);
  refuseUnjudged(options.gates, setUp);
  const plan = withConfig(place, setUp);
  const staging = new Staging(plan);
  const scratch = new Scratch();
  try {
    options.signal?.throwIfAborted();
    const result = await learn(setUp, options, checkpoint, scratch, events);
    if (result.stopped === 'interrupted' && result.steps === 0) options.signal?.throwIfAborted();
    const made = { setUp, result, plan, staging, checkpoint, started };
    return await finishFit(made, options, scratch, events);
  } catch (error) {
    staging.discard();
    throw error;
  } finally {
    scratch.dispose();
  }
}

/** A share of few rows can be none. Throws UsageError. */
function refuseUnjudged({ maxDrop, minMetric }: Gates, { parts }: FitSetUp): void {
  const bare = parts.find(({ dev }) => dev === undefined);
  if (bare && (maxDrop || minMetric !== undefined))
    throw new UsageError(
      `${maxDrop ? '--max-drop' : '--min-metric'}: expected rows of ${bare.source.data} to judge by, found none: name a file with --dev, or a larger --split`,
    );
}

/** Checkpoints of an earlier run are neither mixed with those of this one nor thrown away unasked. Throws UsageError. */
export function clearCheckpoint(folder: string, { resume, force }: Pick<FitOptions, 'resume' | 'force'>): void {
  if (resume === true || !existsSync(folder)) return;
  if (force !== true)
    throw new UsageError(
      `${folder}: expected no checkpoint there, found that of an earlier run: --resume goes on from it, --force begins anew`,
    );
  rmSync(folder, { recursive: true });
}
