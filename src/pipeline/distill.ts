// Distillation: student -> rows -> teacher beside it -> train -> write under a temporary name -> measure against the teacher -> judge -> rename.
import { UsageError } from '../errors.ts';
import { hashFile } from '../onnx/hash.ts';
import { resolveModel } from '../model-path.ts';
import { batchSource } from '../objectives/batch-source.ts';
import { int64Tensor, type Feeder } from '../objectives/goal.ts';
import type { CompressionReport } from '../report/schema.ts';
import type { Shape } from '../evaluate/latency.ts';
import { appendDistillation, maskInput } from '../train/distillation.ts';
import { train } from '../train/loop.ts';
import type { CheckpointOptions, TrainOptions, TrainResult } from '../train/types.ts';
import { finishDistill, withStudentConfig } from './distill-finish.ts';
import type { DistillSample } from './distill-rows.ts';
import { setUpDistill, type DistillSetUp, type DistillSetUpOptions } from './distill-set-up.ts';
import { silent, type Events } from './events.ts';
import { clearCheckpoint } from './fit.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { openTeacher, type CacheOptions } from './open-teacher.ts';
import { planFolder, Staging } from './output.ts';
import type { Teacher } from './teacher.ts';
import { Scratch, trainContext, type RunOptions } from './training.ts';

/** How a student learns. */
export interface LearnOptions extends RunOptions, CacheOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
  readonly batch: number;
  readonly seed: number;
}

export interface DistillOptions extends DistillSetUpOptions, LearnOptions {
  readonly batch: number;
  readonly seed: number;
  readonly checkpointEvery: number;
  readonly resume?: boolean | undefined;
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
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
  const started = performance.now();
  refuseUncheckable(options.gates, {
    data: options.dev !== undefined || options.split !== 0,
    latency: options.shapes !== undefined,
  });
  const place = planFolder(
    resolveModel(options.teacher),
    'distilled',
    options.output,
    options.force || options.resume || false,
  );
  const checkpoint = `${place.folder ?? place.path}.checkpoint`;
  clearCheckpoint(checkpoint, options);
  const setUp = await setUpDistill(options, events);
  refuseUnjudged(options.gates, setUp);
  const plan = withStudentConfig(place, setUp);
  const staging = new Staging(plan);
  const scratch = new Scratch();
  try {
    options.signal?.throwIfAborted();
    const { result, notes } = await run(setUp, options, checkpoint, scratch, events);
    if (result.stopped === 'interrupted' && result.steps === 0) options.signal?.throwIfAborted();
    return await finishDistill({ setUp, result, plan, staging, checkpoint, started, notes }, options, events);
  } catch (error) {
    staging.discard();
    throw error;
  } finally {
    scratch.dispose();
  }
}

/** Rows without labels leave nothing to hold a metric against. Throws UsageError. */
function refuseUnjudged({ maxDrop, minMetric }: Gates, { dev }: DistillSetUp): void {
  if (!dev && (maxDrop || minMetric !== undefined))
    throw new UsageError(
      `${maxDrop ? '--max-drop' : '--min-metric'}: expected labelled rows to judge by, found none: name a file with --dev`,
    );
}

async function run(
  setUp: DistillSetUp,
  options: DistillOptions,
  folder: string,
  scratch: Scratch,
  events: Events,
): Promise<{ result: TrainResult; notes: string[] }> {
  const { trainable, samples, student, weights } = setUp;
  const { training, batch, seed, resume, checkpointEvery: everySteps } = options;
  const same = { samples: samples.length, batch, seed, weights, layers: student.layers, sizes: student.sizes };
  const [mine, data] = [await hashFile(student.known.path.onnxPath), await hashFile(options.data)];
  const checkpoint = (teacher: string): CheckpointOptions => {
    const rest = { ...same, ...training, length: null, trained: trainable.weights.length };
    return { folder, everySteps, resume, fingerprint: JSON.stringify([teacher, mine, data, rest]) };
  };
  return learn(setUp, options, scratch, events, checkpoint);
}

/**
 * Train the student.
 * @param checkpoint of a run with the teacher whose files have this hash; absent: none is kept
 * @throws ModelError, DataError, UsageError
 */
export async function learn(
  setUp: DistillSetUp,
  options: LearnOptions,
  scratch: Scratch,
  events: Events,
  checkpoint?: (teacher: string) => CheckpointOptions,
): Promise<{ result: TrainResult; notes: string[] }> {
  const { trainable, samples, feeding, terms } = setUp;
  const { training, batch, seed } = options;
  const opened = await openTeacher(setUp, options, scratch);
  try {
    const result = await train(
      { ...trainable, appendLoss: (builder) => appendDistillation(builder, terms) },
      batchSource(samples, feederOf(setUp, opened.teacher), feeding, { batch, seed }),
      { ...training, seed, checkpoint: checkpoint?.(opened.hash) },
      trainContext(scratch, setUp.dev, options, events),
    );
    return { result, notes: opened.notes() };
  } finally {
    await opened.close();
  }
}

/** Labels, the mask of the loss and what the teacher says of a batch. */
function feederOf({ goal }: DistillSetUp, teacher: Teacher): Feeder<DistillSample['target']> {
  return {
    async feeds(batch, targets, random) {
      const labels = goal?.feeds(
        batch,
        targets.map(({ label }) => label),
        random,
      ).feeds;
      const signals = await teacher.signals(
        targets.map(({ row }) => row),
        batch,
      );
      return { feeds: { ...labels, ...signals, [maskInput]: int64Tensor([batch.size, batch.sequence], batch.mask) } };
    },
  };
}
