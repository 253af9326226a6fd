// The training itself: the goal of one head, or those of several that share an encoder.
import { DataError } from '../../errors.ts';
import { hashFile } from '../../onnx/hash.ts';
import { batchSource } from '../../objectives/batch-source.ts';
import type { Feeder } from '../../objectives/goal.ts';
import { jointFeeder, jointLoss, type Member } from '../../objectives/joint.ts';
import { train } from '../../train/loop.ts';
import { mixedBatches } from '../../train/mixed-batches.ts';
import type { BatchSource, Objective, TrainContext, TrainResult } from '../../train/types.ts';
import type { Events } from '../events.ts';
import type { FitOptions } from './fit.ts';
import type { FitPart, FitSetUp } from './set-up.ts';
import { jointContext, trainContext, type DevSet, type Scratch } from '../learn/training.ts';

/** Throws ModelError, DataError, UsageError. */
export async function learn(
  setUp: FitSetUp,
  options: FitOptions,
  checkpoint: string,
  scratch: Scratch,
  events: Events,
): Promise<TrainResult> {
  const { training, seed, resume, checkpointEvery: everySteps } = options;
  const fingerprint = await fingerprintOf(setUp, options);
  const { appendLoss, batches, context } = materialOf(setUp, options, scratch, events);
  return train(
    { ...setUp.trainable, appendLoss },
    batches,
    { ...training, seed, checkpoint: { folder: checkpoint, everySteps, resume, fingerprint } },
    context,
  );
}

interface Material {
  readonly appendLoss: Objective['appendLoss'];
  readonly batches: BatchSource;
  readonly context: TrainContext;
}

function materialOf({ parts, feeding }: FitSetUp, options: FitOptions, scratch: Scratch, events: Events): Material {
  const { batch, seed, taskTemperature: temperature } = options;
  const sourceOf = ({ samples, name, source }: FitPart, feeder: Feeder): BatchSource => {
    const made = batchSource(samples, feeder, feeding, { batch, seed });
    if (made.length > 0) return made;
    const task = name === undefined ? '' : `task ${name}: `;
    throw new DataError(`${source.data}: ${task}expected rows for a batch, found ${samples.length}`);
  };
  const [first] = parts as [FitPart];
  if (first.name === undefined) {
    const context = trainContext(scratch, first.dev, options, events);
    return { appendLoss: first.goal.appendLoss, batches: sourceOf(first, first.goal), context };
  }
  const members = parts.map(({ name = '', goal, source }): Member => ({ name, goal, weight: source.weight ?? 1 }));
  const sources = parts.map((part, i) => sourceOf(part, jointFeeder(members, members[i]!)));
  return {
    appendLoss: jointLoss(members),
    batches: mixedBatches(sources, { seed, temperature }),
    context: jointContext(scratch, namedDevs(parts), options, events),
  };
}

/** Rows to judge by of the tasks that have some. */
export function namedDevs(parts: readonly FitPart[]): (DevSet & { readonly name: string })[] {
  return parts.flatMap(({ name, dev }) => (name !== undefined && dev ? [{ ...dev, name }] : []));
}

/** What must be the same when a run is resumed; the rows to judge by too, since the best model so far is the best on these. */
async function fingerprintOf({ known, parts, trainable, maxLength }: FitSetUp, options: FitOptions): Promise<string> {
  const { training, batch, seed, labelSmoothing, classWeights, taskTemperature, split } = options;
  const tasks = [];
  for (const { name, source, task, samples, dev, choice } of parts) {
    const files = [source.data, source.dev].filter((file) => file !== undefined);
    const hashes = await Promise.all(files.map((file) => hashFile(file)));
    const { labels, output } = choice;
    tasks.push([name, task, hashes, samples.length, dev?.dataset.size, source.weight, labels, output]);
  }
  const rest = { ...training, length: null, labelSmoothing, classWeights, taskTemperature, split, maxLength };
  const weights = trainable.weights.map(({ name }) => name);
  return JSON.stringify([await hashFile(known.path.onnxPath), tasks, batch, seed, rest, weights]);
}
