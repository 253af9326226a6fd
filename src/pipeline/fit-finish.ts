// What comes after the last step: write the trained model, measure it beside the untrained one, judge it, put it in its place.
import { rmSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { taskNamed } from '../evaluate/registry.ts';
import { countParams } from '../ir/params.ts';
import { hashFile } from '../onnx/hash.ts';
import { writeModel, type Written } from '../onnx/write.ts';
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
import type { Events } from './events.ts';
import { configWith } from './fit-config.ts';
import type { FitSetUp } from './fit-set-up.ts';
import type { Gates } from './gates.ts';
import { fileFacts } from './known-model.ts';
import type { Entry } from './material.ts';
import { measure, type Measured } from './measure.ts';
import { rejectedPath, type OutputPlan, type Staging } from './output.ts';
import { openSession } from '../runtime/session.ts';
import { sessionOptions, type RunOptions, type Scratch } from './training.ts';

export interface Fitted {
  readonly setUp: FitSetUp;
  readonly result: TrainResult;
  readonly plan: OutputPlan;
  readonly staging: Staging;
  /** Folder of checkpoints, which goes when the model is in its place. */
  readonly checkpoint: string;
  readonly started: number;
}

export interface FinishOptions extends RunOptions {
  readonly gates: Gates;
  readonly keep?: boolean | undefined;
  readonly seed: number;
  readonly batch: number;
  readonly training: object;
}

/** Files of sentence-transformers, which say how tokens become an embedding: nothing for a model with a head. */
const embedding = new Set(['modules.json', 'sentence_bert_config.json', 'config_sentence_transformers.json']);

/** Throws ModelError where the written model does not load or run. */
export async function finishFit(
  fitted: Fitted,
  options: FinishOptions,
  scratch: Scratch,
  events: Events,
): Promise<CompressionReport> {
  const { setUp, result, plan, staging, checkpoint, started } = fitted;
  const { known } = setUp;
  const written = writeModel(result.model, staging.path, { progress: events.bar('writing') });
  const measured = await measureBoth(fitted, scratch, options, events);
  const facts = await fileFacts(known);
  const sha256 = await hashFile(staging.path);
  const output = { path: plan.path, sha256, bytes: written.bytes, params: countParams(result.model.graph) };
  const judged = candidateOf(facts, output, measured.found[0] ?? {}, options.gates);
  const candidate = result.stopped === 'not-finite' ? failed(judged, result) : judged;
  const rejected = candidate.verdict === 'fail' && options.keep !== true;
  const path = rejected ? rejectedPath(plan.path) : plan.path;
  if (rejected) reject(staging, written, result, path);
  else staging.accept();
  if (result.stopped !== 'interrupted') rmSync(checkpoint, { recursive: true, force: true });
  return {
    schema: REPORT_SCHEMA,
    tool: { name: 'bert-compress', version },
    command: 'train',
    seed: options.seed,
    input: facts,
    steps: stepsOf(setUp, result, options),
    ...candidate,
    output: { ...output, path },
    ...(setUp.dev ? { data: dataOf(setUp.dev.dataset) } : {}),
    training: trainingOf(setUp, result),
    notes: [...setUp.notes, ...notesOf(fitted), ...measured.notes],
    machine: machineFacts(),
    seconds: (performance.now() - started) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** The plan with the head's labels in the configuration, and without files that say how to embed where the model does not. */
export function withConfig(plan: OutputPlan, { known, task, choice }: FitSetUp): OutputPlan {
  if (plan.folder === undefined) return plan;
  const embeds = task === 'sentence-similarity';
  const copies = plan.copies.filter(([from]) => embeds || !(embedding.has(basename(from)) || /1_Pooling/.test(from)));
  const config = configWith(known.path.config ?? {}, task, choice.labels);
  const texts = new Map([[join(plan.folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`]]);
  return { ...plan, copies, texts };
}

/** Before and after on the dev rows. A fresh head has a before as well: the one that it began with. */
async function measureBoth(
  { setUp, staging }: Fitted,
  scratch: Scratch,
  options: FinishOptions,
  events: Events,
): Promise<Measured> {
  const { dev, known, choice, trainable, kit, maxLength } = setUp;
  if (!dev) {
    const session = await openSession(staging.path, sessionOptions('the trained model', options));
    await session.release();
    return { found: [{}], notes: ['accuracy was not measured: no rows to judge by (--dev, --split)'] };
  }
  const before = choice.step ? scratch.write(trainable.model) : known.path.onnxPath;
  const { run, roles, padding, dataset } = dev;
  const entry: Entry = {
    onnxPath: before,
    roles,
    run,
    padding,
    tokenizer: kit.tokenizer,
    config: kit.config,
    maxLength,
  };
  const entries = [entry, { ...entry, onnxPath: staging.path, name: 'the trained model' }];
  const material = { task: taskNamed(dev.task), dataset, labelled: true, entries, notes: [] };
  const { signal: _signal, ...rest } = options;
  const measured = await measure(entries, material, { ...rest, gates: options.gates }, events);
  // how far the outputs are from those before says nothing of a model that was to change
  return { ...measured, found: measured.found.map(({ parity: _parity, ...found }) => found) };
}

/** A run that ended by numbers that are none fails, whatever its gates say. */
function failed(candidate: Candidate, { reason }: TrainResult): Candidate {
  return {
    ...candidate,
    verdict: 'fail',
    failures: [...candidate.failures, `training: expected finite numbers, found ${reason ?? 'none'}`],
  };
}

function reject(staging: Staging, written: Written, result: TrainResult, path: string): void {
  if (written.dataPath) writeModel(result.model, path);
  else renameSync(staging.path, path);
  staging.clear();
}

function stepsOf(
  { choice, trainable, task, samples }: FitSetUp,
  result: TrainResult,
  { training, batch }: FinishOptions,
): ReportStep[] {
  return [
    ...(choice.step ? [choice.step] : []),
    {
      pass: 'train',
      options: { task, batch, ...training },
      changed: true,
      stats: {
        rows: samples.length,
        steps: result.steps,
        'trained weights': trainable.weights.length,
        'frozen weights': trainable.frozen.length,
      },
      skipped: [],
      seconds: result.seconds,
    },
  ];
}

function trainingOf({ samples, dev, trainable }: FitSetUp, result: TrainResult): Training {
  const { steps, epochs, seconds, stopped, reason, best, curve, evaluations } = result;
  return {
    steps,
    epochs,
    seconds,
    rows: { train: samples.length, ...(dev ? { dev: dev.dataset.size } : {}) },
    params: trainable.params,
    stopped,
    ...(reason === undefined ? {} : { reason }),
    ...(dev?.run.metric === undefined ? {} : { metric: dev.run.metric }),
    ...(best ? { best: { ...best } } : {}),
    curve: curve.map((point) => ({ ...point, parts: { ...point.parts } })),
    evaluations: evaluations.map((one) => ({ ...one })),
  };
}

function notesOf({ setUp, result, plan, checkpoint }: Fitted): string[] {
  const { stopped, best, reason } = result;
  const which = best ? 'the best model so far' : 'the model as it was then';
  return [
    ...(stopped === 'interrupted'
      ? [`interrupted after ${result.steps} steps: ${which} is written; --resume goes on from ${checkpoint}`]
      : []),
    ...(stopped === 'not-finite'
      ? [`training stopped: ${reason ?? 'numbers that are not finite'}; ${which} is written`]
      : []),
    ...(stopped === 'early' ? ['training stopped early: the metric rose no more (--patience)'] : []),
    ...(plan.folder === undefined && setUp.choice.step
      ? [`the labels were not written: -o names a file, not a folder; their order is ${setUp.choice.labels.join(', ')}`]
      : []),
  ];
}
