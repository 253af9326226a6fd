// Fine-tuning: read -> prepare rows -> head -> train -> write under a temporary name -> measure -> judge -> rename, and a Report.
import { UsageError } from '../../errors.ts';
import type { TrainOptions } from '../../train/types.ts';
import type { CompressionReport } from '../../report/schema.ts';
import { silent, type Events } from '../events.ts';
import { finishFit, withConfig } from './finish.ts';
import { learn } from './learn.ts';
import { setUpFit, type FitSetUp, type SetUpOptions } from './set-up.ts';
import { refuseUncheckable, type Gates } from '../gates.ts';
import { trainInPlace, type PlaceOptions } from '../learn/train-in-place.ts';
import type { RunOptions } from '../learn/training.ts';

export interface FitOptions extends SetUpOptions, RunOptions, PlaceOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
  /** Of drawing batches from several tasks; default 1, in proportion to size. */
  readonly taskTemperature?: number | undefined;
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
  const judged = options.sources.every(({ dev }) => dev !== undefined) || options.split !== 0;
  refuseUncheckable(options.gates, { data: judged, latency: false });
  return trainInPlace<FitSetUp, object>(options.model, options, {
    suffix: 'trained',
    async setUp() {
      const setUp = await setUpFit(options);
      refuseUnjudged(options.gates, setUp);
      return setUp;
    },
    plan: withConfig,
    run: async (setUp, checkpoint, scratch) => ({ result: await learn(setUp, options, checkpoint, scratch, events) }),
    finish: (made, scratch) => finishFit(made, options, scratch, events),
  });
}

/** A share of few rows can be none. Throws UsageError. */
function refuseUnjudged({ maxDrop, minMetric }: Gates, { parts }: FitSetUp): void {
  const bare = parts.find(({ dev }) => dev === undefined);
  if (bare && (maxDrop || minMetric !== undefined))
    throw new UsageError(
      `${maxDrop ? '--max-drop' : '--min-metric'}: expected rows of ${bare.source.data} to judge by, found none: name a file with --dev, or a larger --split`,
    );
}
