// Distillation: student -> rows -> teacher beside it -> train -> write under a temporary name -> measure against the teacher -> judge -> rename.
import { UsageError } from '../../errors.ts';
import { hashFile } from '../../onnx/hash.ts';
import { batchSource } from '../../objectives/batch-source.ts';
import { int64Tensor, type Feeder } from '../../objectives/goal.ts';
import type { CompressionReport } from '../../report/schema.ts';
import type { Shape } from '../../evaluate/latency.ts';
import { appendDistillation, maskInput } from '../../train/distillation.ts';
import { train } from '../../train/loop.ts';
import type { CheckpointOptions, TrainOptions, TrainResult } from '../../train/types.ts';
import { CacheFolder, type CacheOptions } from '../learn/cache-folder.ts';
import { augmented, refuseAugment, type AugmentChoice } from './augment.ts';
import { finishDistill, withStudentConfig } from './finish.ts';
import type { DistillSample } from './rows.ts';
import { setUpDistill, type DistillSetUp, type DistillSetUpOptions } from './set-up.ts';
import { silent, type Events } from '../events.ts';
import { refuseUncheckable, type Gates } from '../gates.ts';
import { openTeachers } from './open-teacher.ts';
import type { Teacher } from './teacher.ts';
import { trainInPlace, type PlaceOptions } from '../learn/train-in-place.ts';
import { trainContext, type RunOptions, type Scratch } from '../learn/training.ts';

/** How a student learns. */
export interface LearnOptions extends RunOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
  readonly batch: number;
  readonly seed: number;
}

export interface DistillOptions extends DistillSetUpOptions, LearnOptions, CacheOptions, PlaceOptions, AugmentChoice {
  readonly batch: number;
  readonly seed: number;
  readonly checkpointEvery: number;
  readonly keep?: boolean | undefined;
  readonly gates: Gates;
  /** Shapes of the latency table; undefined: none is measured. */
  readonly shapes?: readonly Shape[] | undefined;
}

/**
 * Distil a teacher into a student. An interruption ends the training, not the work: what was best so far is written.
 * Throws UsageError, ModelError, DataError.
 */
export async function distillModel(options: DistillOptions, events: Events = silent): Promise<CompressionReport> {
  refuseUncheckable(options.gates, {
    data: options.dev !== undefined || options.split !== 0,
    latency: options.shapes !== undefined,
  });
  return trainInPlace<DistillSetUp, { readonly notes: readonly string[] }>(options.teacher, options, {
    suffix: 'distilled',
    async setUp() {
      const setUp = await setUpDistill(options, events);
      refuseUnjudged(options.gates, setUp);
      refuseAugment(setUp, options);
      return setUp;
    },
    plan: withStudentConfig,
    run: (setUp, checkpoint, scratch) => run(setUp, options, checkpoint, scratch, events),
    finish: (made) => finishDistill(made, options, events),
  });
}

/** Rows without labels leave nothing to hold a metric against. Throws UsageError. */
function refuseUnjudged({ maxDrop, minMetric }: Gates, { dev }: DistillSetUp): void {
  if (!dev && (maxDrop || minMetric !== undefined))
    throw new UsageError(
      `${maxDrop ? '--max-drop' : '--min-metric'}: expected labelled rows to judge by, found none: name a file with --dev`,
    );
}

interface Ran {
  /** With the variants that were learned from as well. */
  readonly setUp: DistillSetUp;
  readonly result: TrainResult;
  readonly notes: string[];
}

async function run(
  given: DistillSetUp,
  options: DistillOptions,
  folder: string,
  scratch: Scratch,
  events: Events,
): Promise<Ran> {
  const cache = new CacheFolder(options);
  const { setUp, identity, close } = await augmented(given, options, cache, scratch, events);
  const { resume, checkpointEvery: everySteps } = options;
  try {
    const { result, notes } = await learn(setUp, options, cache, scratch, events, async (hashes) => {
      const fingerprint = await fingerprintOf(setUp, options, [identity, ...hashes]);
      return { folder, everySteps, resume, fingerprint };
    });
    return { setUp, result, notes };
  } finally {
    close();
  }
}

/**
 * Train the student.
 * @param checkpoint of a run with teachers whose graphs have these hashes; absent: none is kept
 * @throws ModelError, DataError, UsageError
 */
export async function learn(
  setUp: DistillSetUp,
  options: LearnOptions,
  cache: CacheFolder,
  scratch: Scratch,
  events: Events,
  checkpoint?: (hashes: readonly string[]) => Promise<CheckpointOptions>,
): Promise<{ result: TrainResult; notes: string[] }> {
  const { trainable, samples, feeding, terms } = setUp;
  const { training, batch, seed } = options;
  const opened = await openTeachers(setUp, options, cache, scratch);
  try {
    const teachers = opened.map(({ teacher }) => teacher);
    const result = await train(
      { ...trainable, appendLoss: (builder) => appendDistillation(builder, terms) },
      batchSource(samples, feederOf(setUp, teachers), feeding, { batch, seed }),
      { ...training, seed, checkpoint: await checkpoint?.(opened.map(({ hash }) => hash)) },
      trainContext(scratch, setUp.dev, options, events),
    );
    return { result, notes: opened.flatMap((one) => one.notes()) };
  } finally {
    for (const one of opened) await one.close();
  }
}

/** What must be the same when a run is resumed. */
async function fingerprintOf(
  { samples, student, weights, teachers, trainable }: DistillSetUp,
  { data, training, batch, seed }: DistillOptions,
  hashes: readonly string[],
): Promise<string> {
  const shares = teachers.map(({ weight }) => weight);
  const same = { samples: samples.length, batch, seed, weights, layers: student.layers, sizes: student.sizes, shares };
  return JSON.stringify([
    hashes,
    await hashFile(student.known.path.onnxPath),
    await hashFile(data),
    { ...same, ...training, length: null, trained: trainable.weights.length },
  ]);
}

/** Labels, the mask of the loss and what the teachers say of a batch. */
function feederOf({ goal }: DistillSetUp, teachers: readonly Teacher[]): Feeder<DistillSample['target']> {
  return {
    async feeds(batch, targets, random) {
      const labels = goal?.feeds(
        batch,
        targets.map(({ label }) => label),
        random,
      ).feeds;
      const rows = targets.map(({ row }) => row);
      const signals = {};
      for (const teacher of teachers) Object.assign(signals, await teacher.signals(rows, batch));
      return { feeds: { ...labels, ...signals, [maskInput]: int64Tensor([batch.size, batch.sequence], batch.mask) } };
    },
  };
}
