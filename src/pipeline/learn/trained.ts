// What comes after the last step of training: write the model, measure it beside the given one, judge it, put it in its place.
import { rmSync } from 'node:fs';
import type { Model } from '../../ir/graph.ts';
import { countParams } from '../../ir/params.ts';
import { hashFile } from '../../onnx/hash.ts';
import { writeModel } from '../../onnx/write.ts';
import type { Trainable } from '../../passes/head/trainable.ts';
import type { Candidate, CompressionReport, ReportStep, Training } from '../../report/schema.ts';
import type { TrainResult } from '../../train/types.ts';
import { candidateOf, dataOf, runFacts } from '../candidate.ts';
import { judge } from '../checks.ts';
import type { Events } from '../events.ts';
import type { Gates } from '../gates.ts';
import { fileFacts, type KnownModel } from '../known-model.ts';
import type { Entry } from '../material.ts';
import type { Measured } from '../measure.ts';
import type { OutputPlan, Staging } from '../output.ts';
import { partsBeside } from '../parts.ts';
import { place } from '../place.ts';
import { recognise } from '../../bert/recognise.ts';
import { runSteps, sharing } from '../steps.ts';
import type { DevSet } from './training.ts';

export interface Trained {
  readonly command: 'train' | 'distill';
  /** The model that was given. */
  readonly original: KnownModel;
  /** The model to write. */
  readonly model: Model;
  readonly result: TrainResult;
  readonly trainable: Trainable;
  readonly samples: readonly unknown[];
  readonly dev: DevSet | undefined;
  /** Instead of `dev`: the tasks of a model with several heads. */
  readonly tasks?: Training['tasks'];
  /** What was done before the first step. */
  readonly steps: readonly ReportStep[];
  /** Options of the training step, for the report. */
  readonly settings: object;
  readonly notes: readonly string[];
  readonly plan: OutputPlan;
  readonly staging: Staging;
  /** Folder of checkpoints, which goes when the model is in its place. */
  readonly checkpoint: string;
  /** Of `performance.now()`. */
  readonly started: number;
}

export interface FinishOptions {
  readonly seed: number;
  readonly gates: Gates;
  readonly keep?: boolean | undefined;
  readonly threads?: number | undefined;
}

/**
 * @param measure original and written model on the rows to judge by
 * @throws ModelError where the written model does not load or run
 */
export async function finishTraining(
  done: Trained,
  options: FinishOptions,
  measure: () => Promise<Measured>,
  events: Events,
): Promise<CompressionReport> {
  const { command, original, result, plan, staging, dev } = done;
  const { model, steps: tidied } = runSteps(done.model, [sharing], events);
  const written = writeModel(model, staging.path, { progress: events.bar('writing') });
  const measured = await measure();
  const facts = await fileFacts(original);
  const sha256 = await hashFile(staging.path);
  const output = { path: plan.path, sha256, bytes: written.bytes, params: countParams(model.graph) };
  const candidate = finite(candidateOf(facts, output, measured.found[0] ?? {}, options.gates), result);
  const path = place(staging, plan, written, candidate, options.keep);
  if (result.stopped !== 'interrupted') rmSync(done.checkpoint, { recursive: true, force: true });
  return {
    ...runFacts({ ...options, command }, done.started),
    input: facts,
    steps: [...done.steps, stepOf(done), ...tidied],
    ...candidate,
    output: { ...output, path },
    ...partsBeside(original, { model, recognition: recognise(model) }),
    ...(dev ? { data: dataOf(dev.dataset) } : {}),
    training: trainingOf(done),
    notes: [...done.notes, ...stopNotes(done), ...measured.notes],
  };
}

/** The rows to judge by, and how they are fed, as the measurement takes them. */
export function entryOf(
  { run, roles, padding, labels, pooling, output }: DevSet,
  onnxPath: string,
  kit: Pick<Entry, 'tokenizer' | 'config' | 'maxLength'>,
): Entry {
  const { tokenizer, config, maxLength } = kit;
  return { onnxPath, roles, run, padding, tokenizer, config, maxLength, labels, pooling, output };
}

/** A run that ended by numbers that are none fails, whatever its gates say. */
export function finite(
  candidate: Candidate,
  { stopped, reason }: { readonly stopped: TrainResult['stopped']; readonly reason?: string | undefined },
): Candidate {
  if (stopped !== 'not-finite') return candidate;
  const expected = 'finite numbers';
  const check = { gate: 'training', expected, found: reason ?? 'none', verdict: 'fail' as const };
  const checks = [...(candidate.checks ?? []), check];
  return { ...candidate, checks, ...judge(checks) };
}

function stepOf({ command, settings, samples, trainable, result }: Trained): ReportStep {
  return {
    pass: command,
    options: { ...settings },
    changed: true,
    stats: {
      rows: samples.length,
      steps: result.steps,
      'trained weights': trainable.weights.length,
      'frozen weights': trainable.frozen.length,
    },
    skipped: [],
    seconds: result.seconds,
  };
}

/** The report's facts about a training. */
export function trainingOf({
  samples,
  dev,
  tasks,
  trainable,
  result,
}: Pick<Trained, 'samples' | 'dev' | 'tasks' | 'trainable' | 'result'>): Training {
  const { steps, epochs, seconds, stopped, reason, best, curve, evaluations, scaling } = result;
  const judged = dev?.dataset.size ?? (tasks ?? []).reduce((sum, { rows }) => sum + (rows.dev ?? 0), 0);
  const metric = dev?.run.metric ?? (tasks && judged > 0 ? 'meanMetric' : undefined);
  return {
    steps,
    epochs,
    seconds,
    rows: { train: samples.length, ...(judged > 0 ? { dev: judged } : {}) },
    params: trainable.params,
    stopped,
    ...(scaling ? { scaling: { scale: scaling.scale, skipped: scaling.skipped } } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(metric === undefined ? {} : { metric }),
    ...(best ? { best: { step: best.step, metric: best.metric } } : {}),
    curve: curve.map((point) => ({ ...point, parts: { ...point.parts } })),
    evaluations: evaluations.map(({ tasks: each, ...one }) => (each ? { ...one, tasks: { ...each } } : one)),
    ...(tasks ? { tasks } : {}),
  };
}

function stopNotes({ result: { stopped, best, steps, reason, scaling }, checkpoint }: Trained): string[] {
  const which = best ? 'the best model so far' : 'the model as it was then';
  const notes: Partial<Record<TrainResult['stopped'], string>> = {
    interrupted: `interrupted after ${steps} steps: ${which} is written; --resume goes on from ${checkpoint}`,
    'not-finite': `training stopped: ${reason ?? 'numbers that are not finite'}; ${which} is written`,
    early: 'training stopped early: the metric rose no more (--patience)',
  };
  const skipped = scaling?.skipped
    ? `${scaling.skipped} of ${steps} steps were skipped: a gradient overflowed float16, and the loss's scale was halved`
    : undefined;
  return [notes[stopped], skipped].filter((note) => note !== undefined);
}
