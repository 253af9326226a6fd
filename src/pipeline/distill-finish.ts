// What comes after the last step of a distillation: write the student, measure it against the teacher, judge it, put it in its place.
import { rmSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { recognise } from '../bert/recognise.ts';
import { taskNamed } from '../evaluate/registry.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import { countParams } from '../ir/params.ts';
import { hashFile } from '../onnx/hash.ts';
import { writeModel, type Written } from '../onnx/write.ts';
import { studentConfig } from '../passes/student/student-config.ts';
import {
  REPORT_SCHEMA,
  type Candidate,
  type CompressionReport,
  type ReportStep,
  type Training,
} from '../report/schema.ts';
import type { TrainResult } from '../train/types.ts';
import { version } from '../version.ts';
import { candidateOf, dataOf, machineFacts } from './candidate.ts';
import type { DistillOptions } from './distill.ts';
import type { DistillSetUp } from './distill-set-up.ts';
import type { Events } from './events.ts';
import { fileFacts } from './known-model.ts';
import { prepareMaterial, type Entry, type Material } from './material.ts';
import { measure, type Measured } from './measure.ts';
import { rejectedPath, type OutputPlan, type Staging } from './output.ts';
import { partsBeside } from './parts.ts';

export interface Distilled {
  readonly setUp: DistillSetUp;
  readonly result: TrainResult;
  readonly plan: OutputPlan;
  readonly staging: Staging;
  readonly checkpoint: string;
  readonly started: number;
  readonly notes: readonly string[];
}

/** Throws ModelError where the written model does not load or run. */
export async function finishDistill(
  done: Distilled,
  options: DistillOptions,
  events: Events,
): Promise<CompressionReport> {
  const { setUp, result, plan, staging, checkpoint, started } = done;
  const { teacher } = setUp;
  const model = withoutProjections(result.model);
  const written = writeModel(model, staging.path, { progress: events.bar('writing') });
  const measured = await measureBoth(done, options, events);
  const facts = await fileFacts(teacher);
  const sha256 = await hashFile(staging.path);
  const output = { path: plan.path, sha256, bytes: written.bytes, params: countParams(model.graph) };
  const judged = candidateOf(facts, output, measured.found[0] ?? {}, options.gates);
  const candidate = result.stopped === 'not-finite' ? failed(judged, result) : judged;
  const rejected = candidate.verdict === 'fail' && options.keep !== true;
  const path = rejected ? rejectedPath(plan.path) : plan.path;
  if (rejected) reject(staging, written, model, path);
  else staging.accept();
  if (result.stopped !== 'interrupted') rmSync(checkpoint, { recursive: true, force: true });
  return {
    schema: REPORT_SCHEMA,
    tool: { name: 'bert-compress', version },
    command: 'distill',
    seed: options.seed,
    input: facts,
    steps: [...setUp.student.steps, stepOf(setUp, result, options)],
    ...candidate,
    output: { ...output, path },
    ...partsBeside(teacher, { model, recognition: recognise(model) }),
    ...(setUp.dev ? { data: dataOf(setUp.dev.dataset) } : {}),
    training: trainingOf(setUp, result),
    notes: [...setUp.notes, ...done.notes, ...stopNotes(done), ...measured.notes],
    machine: machineFacts(),
    seconds: (performance.now() - started) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** The plan with the student's sizes in the configuration. */
export function withStudentConfig(plan: OutputPlan, { teacher, student }: DistillSetUp): OutputPlan {
  const config = student.own ? student.known.path.config : teacher.path.config;
  if (plan.folder === undefined || config === undefined) return plan;
  const text = `${JSON.stringify(studentConfig(config, student.sizes), null, 2)}\n`;
  return { ...plan, texts: new Map([[join(plan.folder, 'config.json'), text]]) };
}

/** Projections of hidden states are the loss's, not the student's. */
function withoutProjections(trained: Model): Model {
  const model = cloneModel(trained);
  for (const name of model.graph.initializers.keys())
    if (name.startsWith('distill_projection_')) model.graph.initializers.delete(name);
  return model;
}

/** Teacher and student on the rows to judge by, else on built-in texts; latency of both. */
async function measureBoth({ setUp, staging }: Distilled, options: DistillOptions, events: Events): Promise<Measured> {
  const { dev, teacher, student, tokenizer, config, maxLength, feeding, teacherFeeding } = setUp;
  const { signal: _signal, batch: _batch, ...rest } = options;
  const mine = { onnxPath: staging.path, name: 'the student', roles: feeding.roles };
  if (!dev) {
    const material = await prepareMaterial([teacher], { seed: options.seed, maxLength });
    if ('missing' in material) return { found: [{}], notes: [material.missing] };
    const [original] = material.entries;
    return measure([original!, { ...original!, ...mine }], material, rest, events);
  }
  const { run, padding, dataset } = dev;
  const entry: Entry = {
    onnxPath: teacher.path.onnxPath,
    roles: teacherFeeding.roles,
    run,
    padding,
    tokenizer,
    config,
    maxLength,
  };
  const entries = [entry, { ...entry, ...mine, config: student.own ? undefined : config }];
  const material: Material = { task: taskNamed(dev.task), dataset, labelled: true, entries, notes: [] };
  return measure(entries, material, rest, events);
}

/** A run that ended by numbers that are none fails, whatever its gates say. */
function failed(candidate: Candidate, { reason }: TrainResult): Candidate {
  const line = `training: expected finite numbers, found ${reason ?? 'none'}`;
  return { ...candidate, verdict: 'fail', failures: [...candidate.failures, line] };
}

function reject(staging: Staging, written: Written, model: Model, path: string): void {
  if (written.dataPath) writeModel(model, path);
  else renameSync(staging.path, path);
  staging.clear();
}

function stepOf(
  { samples, trainable, weights }: DistillSetUp,
  result: TrainResult,
  { training, batch }: DistillOptions,
): ReportStep {
  return {
    pass: 'distill',
    options: { ...weights, batch, ...training },
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

function trainingOf({ samples, dev, trainable }: DistillSetUp, result: TrainResult): Training {
  const { steps, epochs, seconds, stopped, reason, best, curve, evaluations } = result;
  return {
    steps,
    epochs,
    seconds,
    stopped,
    params: trainable.params,
    rows: { train: samples.length, ...(dev ? { dev: dev.dataset.size } : {}) },
    ...(reason === undefined ? {} : { reason }),
    ...(dev?.run.metric === undefined ? {} : { metric: dev.run.metric }),
    ...(best ? { best: { ...best } } : {}),
    curve: curve.map((point) => ({ ...point, parts: { ...point.parts } })),
    evaluations: evaluations.map((one) => ({ ...one })),
  };
}

function stopNotes({ result, checkpoint }: Distilled): string[] {
  const which = result.best ? 'the best student so far' : 'the student as it was then';
  if (result.stopped === 'interrupted')
    return [`interrupted after ${result.steps} steps: ${which} is written; --resume goes on from ${checkpoint}`];
  if (result.stopped === 'not-finite')
    return [`training stopped: ${result.reason ?? 'numbers that are not finite'}; ${which} is written`];
  return result.stopped === 'early' ? ['training stopped early: the metric rose no more (--patience)'] : [];
}
