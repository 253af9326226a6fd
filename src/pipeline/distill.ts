// Distillation: student -> rows -> teacher beside it -> train -> write under a temporary name -> measure against the teacher -> judge -> rename.
import { createHash } from 'node:crypto';
import { hashFile } from '../onnx/hash.ts';
import { sourceFiles } from '../onnx/sources.ts';
import { resolveModel } from '../model-path.ts';
import { batchSource } from '../objectives/batch-source.ts';
import type { Feeder } from '../objectives/goal.ts';
import { int64Tensor } from '../objectives/goal.ts';
import type { CompressionReport } from '../report/schema.ts';
import { openSession } from '../runtime/session.ts';
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
import type { KnownModel } from './known-model.ts';
import { planFolder, Staging } from './output.ts';
import { TeacherCache, cacheBytes, cacheFolder, cacheKey } from './teacher-cache.ts';
import { teacherOf, type Teacher } from './teacher.ts';
import { Scratch, sessionOptions, trainContext, type RunOptions } from './training.ts';

export interface DistillOptions extends DistillSetUpOptions, RunOptions {
  readonly training: Omit<TrainOptions, 'checkpoint'>;
  readonly checkpointEvery: number;
  readonly resume?: boolean | undefined;
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly keep?: boolean | undefined;
  readonly gates: Gates;
  /** Shapes of the latency table; undefined: none is measured. */
  readonly shapes?: readonly Shape[] | undefined;
  /** Most bytes of the teacher's outputs on disk; 0: none are kept. */
  readonly cache: number;
  readonly cacheFolder?: string | undefined;
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

async function run(
  setUp: DistillSetUp,
  options: DistillOptions,
  checkpoint: string,
  scratch: Scratch,
  events: Events,
): Promise<{ result: TrainResult; notes: string[] }> {
  const { matched, trainable, samples, feeding, teacherFeeding, terms } = setUp;
  const { training, batch, seed, resume, checkpointEvery: everySteps } = options;
  const teacherHash = await hashOf(setUp.teacher);
  const opened = await openCache(setUp, options, teacherHash);
  const session = await openSession(scratch.write(matched.teacher), sessionOptions('the teacher', options));
  try {
    const teacher = teacherOf(session, teacherFeeding.roles, matched.signals, opened.cache);
    const fingerprint = JSON.stringify([
      teacherHash,
      await hashFile(options.data),
      setUp.student.known.path.onnxPath,
      setUp.student.layers,
      samples.length,
      batch,
      seed,
      setUp.weights,
      { ...training, length: null },
      trainable.weights.length,
    ]);
    const result = await train(
      {
        model: trainable.model,
        weights: trainable.weights,
        appendLoss: (builder) => appendDistillation(builder, terms),
      },
      batchSource(samples, feederOf(setUp, teacher), feeding, { batch, seed }),
      { ...training, checkpoint: { folder: checkpoint, everySteps, resume, fingerprint } },
      trainContext(scratch, setUp.dev, options, events),
    );
    return { result, notes: [opened.note, countsNote(teacher)] };
  } finally {
    await session.release();
    opened.cache?.close();
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

/** Of the model's files, external data as well. */
async function hashOf({ path, model }: KnownModel): Promise<string> {
  const files = await Promise.all(sourceFiles(path.onnxPath, model).map((file) => hashFile(file.path)));
  return createHash('sha256').update(files.join()).digest('hex');
}

async function openCache(
  { samples, matched }: DistillSetUp,
  options: DistillOptions,
  teacher: string,
): Promise<{ cache?: TeacherCache; note: string }> {
  const { signals } = matched;
  if (options.cache === 0) return { note: 'teacher outputs were not kept: --cache 0' };
  const wide = signals.find(({ each }) => each === 'other');
  if (wide) return { note: 'teacher outputs were not kept: attention scores and values are not kept on disk' };
  const layout = { signals, lengths: samples.map(({ sequences }) => sequences[0]!.ids.length) };
  const bytes = cacheBytes(layout);
  const size = `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes > options.cache)
    return {
      note: `teacher outputs were not kept: ${size} are more than --cache ${(options.cache / 1e6).toFixed(0)}MB`,
    };
  const key = cacheKey(teacher, layout, samples.map(({ sequences }) => sequences[0]!.ids)); // prettier-ignore
  const cache = new TeacherCache(options.cacheFolder ?? cacheFolder(), key, layout, options.cache);
  return { cache, note: `teacher outputs are kept on disk: ${size}` };
}

function countsNote({ counts: { ran, cached } }: Teacher): string {
  return `the teacher ran for ${ran} batches; those of ${cached} came from the cache`;
}
