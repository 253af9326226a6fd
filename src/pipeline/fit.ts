// Fine-tuning: read -> prepare rows -> head -> train -> write under a temporary name -> measure -> judge -> rename, and a Report.
import { existsSync, rmSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import { resolveModel } from '../model-path.ts';
import { hashFile } from '../onnx/hash.ts';
import { batchSource } from '../objectives/batch-source.ts';
import { train } from '../train/loop.ts';
import type { TrainOptions, TrainResult } from '../train/types.ts';
import type { CompressionReport } from '../report/schema.ts';
import { silent, type Events } from './events.ts';
import { finishFit, withConfig } from './fit-finish.ts';
import { setUpFit, type FitSetUp, type SetUpOptions } from './fit-set-up.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { planFolder, Staging } from './output.ts';
import { Scratch, trainContext, type RunOptions } from './training.ts';

export interface FitOptions extends SetUpOptions, RunOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
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
  const judged = options.dev !== undefined || options.split !== 0;
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
  const plan = withConfig(place, setUp);
  const staging = new Staging(plan);
  const scratch = new Scratch();
  try {
    options.signal?.throwIfAborted();
    const result = await run(setUp, options, checkpoint, scratch, events);
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

/** Checkpoints of an earlier run are neither mixed with those of this one nor thrown away unasked. Throws UsageError. */
export function clearCheckpoint(folder: string, { resume, force }: Pick<FitOptions, 'resume' | 'force'>): void {
  if (resume === true || !existsSync(folder)) return;
  if (force !== true)
    throw new UsageError(
      `${folder}: expected no checkpoint there, found that of an earlier run: --resume goes on from it, --force begins anew`,
    );
  rmSync(folder, { recursive: true });
}

async function run(
  { trainable, goal, samples, feeding, dev, known }: FitSetUp,
  options: FitOptions,
  checkpoint: string,
  scratch: Scratch,
  events: Events,
): Promise<TrainResult> {
  const { training, batch, seed, resume, checkpointEvery: everySteps } = options;
  const fingerprint = JSON.stringify([
    await hashFile(known.path.onnxPath),
    await hashFile(options.data),
    samples.length,
    batch,
    seed,
    { ...training, length: null },
    trainable.weights.length,
  ]);
  return train(
    { ...trainable, appendLoss: goal.appendLoss },
    batchSource(samples, goal, feeding, { batch, seed }),
    { ...training, seed, checkpoint: { folder: checkpoint, everySteps, resume, fingerprint } },
    trainContext(scratch, dev, options, events),
  );
}
