// Fine-tuning: read -> prepare rows -> head -> train -> write under a temporary name -> measure -> judge -> rename, and a Report.
import { hashFile } from '../onnx/hash.ts';
import { batchSource } from '../objectives/batch-source.ts';
import { train } from '../train/loop.ts';
import type { TrainOptions, TrainResult } from '../train/types.ts';
import type { CompressionReport } from '../report/schema.ts';
import { silent, type Events } from './events.ts';
import { finishFit, withConfig } from './fit-finish.ts';
import { setUpFit, type FitSetUp, type SetUpOptions } from './fit-set-up.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { trainInPlace, type PlaceOptions } from './train-in-place.ts';
import { trainContext, type RunOptions, type Scratch } from './training.ts';

export interface FitOptions extends SetUpOptions, RunOptions, PlaceOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Keep the output under its final name even where a gate fails. */
  readonly keep?: boolean | undefined;
  readonly gates: Gates;
}

/**
 * Fine-tune a model. An interruption ends the training, not the work: what was best so far is written.
 * Throws UsageError, ModelError, DataError.
 */
export async function fit(options: FitOptions, events: Events = silent): Promise<CompressionReport> {
  const judged = options.dev !== undefined || options.split !== 0;
  refuseUncheckable(options.gates, { data: judged, latency: false });
  return trainInPlace<FitSetUp, object>(options.model, options, {
    suffix: 'trained',
    setUp: () => setUpFit(options),
    plan: withConfig,
    run: async (setUp, checkpoint, scratch) => ({ result: await run(setUp, options, checkpoint, scratch, events) }),
    finish: (made, scratch) => finishFit(made, options, scratch, events),
  });
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
