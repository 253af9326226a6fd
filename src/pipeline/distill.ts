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
import type { TrainOptions, TrainResult } from '../train/types.ts';
import { finishDistill, withStudentConfig } from './distill-finish.ts';
import type { DistillSample } from './distill-rows.ts';
import { setUpDistill, type DistillSetUp, type DistillSetUpOptions } from './distill-set-up.ts';
import { silent, type Events } from './events.ts';
import { clearCheckpoint } from './fit.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { openTeachers, type CacheOptions } from './open-teacher.ts';
import { planFolder, Staging } from './output.ts';
import type { Teacher } from './teacher.ts';
import { Scratch, trainContext, type RunOptions } from './training.ts';

export interface DistillOptions extends DistillSetUpOptions, RunOptions, CacheOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
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
  checkpoint: string,
  scratch: Scratch,
  events: Events,
): Promise<{ result: TrainResult; notes: string[] }> {
  const { trainable, samples, feeding, terms, student, weights } = setUp;
  const { training, batch, seed, resume, checkpointEvery: everySteps } = options;
  const opened = await openTeachers(setUp, options, scratch);
  try {
    const same = { samples: samples.length, batch, seed, weights, layers: student.layers, sizes: student.sizes };
    const fingerprint = JSON.stringify([
      opened.map(({ hash }) => hash),
      setUp.teachers.map(({ weight }) => weight),
      await hashFile(student.known.path.onnxPath),
      await hashFile(options.data),
      { ...same, ...training, length: null, trained: trainable.weights.length },
    ]);
    const result = await train(
      { ...trainable, appendLoss: (builder) => appendDistillation(builder, terms) },
      batchSource(samples, feederOf(
        setUp,
        opened.map(({ teacher }) => teacher),
      ), feeding, { batch, seed }),
      { ...training, seed, checkpoint: { folder: checkpoint, everySteps, resume, fingerprint } },
      trainContext(scratch, setUp.dev, options, events),
    );
    return { result, notes: opened.flatMap((one) => one.notes()) };
  } finally {
    for (const one of opened) await one.close();
  }
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
