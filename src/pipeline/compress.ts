// The main job: read -> passes -> write under a temporary name -> load -> measure -> judge -> rename, and a Report of it.
import { UsageError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import { countParams } from '../ir/params.ts';
import { hashFile } from '../onnx/hash.ts';
import { readModel } from '../onnx/read.ts';
import { sourceFiles } from '../onnx/sources.ts';
import { writeModel, writeReference, type Written } from '../onnx/write.ts';
import { type Candidate, type CompressionReport, type ReportStep } from '../report/schema.ts';
import { openSession } from '../runtime/session.ts';
import { silent, type Events } from './events.ts';
import { checkBaselineFlags } from './baseline.ts';
import { candidateOf, dataOf, runFacts } from './candidate.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { fileFacts, readKnownModel } from './known-model.ts';
import {
  baselineOf,
  prepareMaterial,
  refuseImpossible,
  type DataOptions,
  type Material,
  type NoMaterial,
} from './material.ts';
import { measure, type Measured, type MeasureOptions } from './measure.ts';
import { partsBeside } from './parts.ts';
import { place } from './place.ts';
import { withSaturation } from './saturation.ts';
import { runSteps, sharing, type Step } from './steps.ts';
import { planOutput, Staging, type Precision } from './output.ts';

export interface CompressOptions extends DataOptions, MeasureOptions {
  readonly model: string;
  readonly command: string;
  readonly precision: Precision;
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  /** Keep the output under its final name even where a gate fails. */
  readonly keep?: boolean | undefined;
  /** false: nothing is run but a load of the output. */
  readonly validate?: boolean | undefined;
  readonly externalData?: boolean | undefined;
  readonly stripMetadata?: boolean | undefined;
  readonly gates?: Gates | undefined;
  /** File with the figures of the model accepted last. */
  readonly baseline?: string | undefined;
  readonly updateBaseline?: boolean | undefined;
  /** Lines for the report that the caller knows: how `auto` was decided … */
  readonly notes?: readonly string[] | undefined;
}

/** Compress a model. `steps` sees the model as read, so that it can choose and refuse. Throws UsageError, ModelError, DataError. */
export async function compress(
  options: CompressOptions,
  steps: (model: Model) => readonly Step[],
  events: Events = silent,
): Promise<CompressionReport> {
  const started = performance.now();
  refuseUncheckable(options.gates ?? {}, {
    data: options.data !== undefined,
    latency: options.shapes !== undefined,
    validate: options.validate !== false,
  });
  checkBaselineFlags({ ...options, candidates: 1 });
  const input = readKnownModel(options.model);
  const { model } = input;
  const sources = sourceFiles(input.path.onnxPath, model).map((file) => file.path);
  const plan = planOutput(input.path, sources, options.precision, options.output, options.force ?? false);
  const inputHash = quietly(hashFile(input.path.onnxPath));
  const material = options.validate === false ? undefined : await prepareMaterial([input], options);
  const known = material && !('missing' in material) ? material : undefined;
  if (known) refuseImpossible(known, options);
  const baseline = known && (await baselineOf(options, known));
  const done = runSteps(model, [...steps(model), sharing], events, options.signal);
  const staging = new Staging(plan);
  try {
    const written = write(done.model, staging, plan.path, sources.length > 1, options, events);
    const outputHash = quietly(hashFile(staging.path));
    const measured = await judgeRun(staging, material, options, events);
    const facts = await fileFacts(input, inputHash);
    const { path: writtenPath, bytes } = written;
    const params = countParams(done.model.graph);
    const output = { path: writtenPath, sha256: await outputHash, bytes, params };
    const candidate = candidateOf(facts, output, measured.found[0]!, options.gates ?? {}, baseline);
    const path = place(staging, plan, written, candidate, options.keep);
    const parts = partsBeside(input, done);
    const named = { ...candidate, ...parts, output: { ...candidate.output, path } };
    const settled = baseline?.settle(candidate, candidate.verdict);
    const notes = [...(baseline?.notes ?? []), ...measured.notes];
    const report = assemble(options, facts, named, done.steps, notes, material, started);
    return settled ? { ...report, baseline: settled } : report;
  } catch (error) {
    staging.discard();
    throw error;
  }
}

function write(
  model: Model,
  staging: Staging,
  name: string,
  external: boolean,
  options: CompressOptions,
  events: Events,
): Written {
  const bar = events.bar('writing');
  return writeModel(model, staging.path, {
    externalData: options.externalData ?? (external || 'auto'),
    stripMetadata: options.stripMetadata ?? false,
    name,
    progress: bar,
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/**
 * Load the written model without copying its weights: our reader checks the file's form, onnxruntime loads the graph with the weights
 * mapped from the file.
 */
async function loadMapped(staging: Staging): Promise<void> {
  writeReference(readModel(staging.path), staging.checkPath);
  const session = await openSession(staging.checkPath, { light: true, name: 'the compressed model' });
  await session.release();
}

/** Load the written file, and measure it where there is something to measure on. */
async function judgeRun(
  staging: Staging,
  material: Material | NoMaterial | undefined,
  options: CompressOptions,
  events: Events,
): Promise<Measured> {
  if (material && !('missing' in material)) {
    const [original] = material.entries;
    const output = { ...original!, onnxPath: staging.path, name: 'the compressed model' };
    const measured = await measure([original!, output], material, options, events);
    if (options.emulateSaturation !== true) return measured;
    const [found] = measured.found;
    const model = readModel(staging.path);
    return {
      ...measured,
      found: [await withSaturation(found!, [original!, output], model, material, options, events)],
    };
  }
  await loadMapped(staging);
  const why = material ? material.missing : '--no-validate';
  if (options.gates?.minSpeedup !== undefined)
    throw new UsageError(`--min-speedup: expected inputs to measure on, found none: ${why}`);
  return { found: [{}], notes: [`neither accuracy nor parity was measured: ${why}`] };
}

type FileFacts = Candidate['output'];

function assemble(
  options: CompressOptions,
  input: FileFacts,
  candidate: Candidate,
  steps: ReportStep[],
  notes: readonly string[],
  material: Material | NoMaterial | undefined,
  started: number,
): CompressionReport {
  const found = material && !('missing' in material) ? material : undefined;
  return {
    ...runFacts(options, started),
    input,
    steps,
    ...candidate,
    ...(found?.labelled ? { data: dataOf(found.dataset) } : {}),
    notes: [...(options.notes ?? []), ...(found?.notes ?? []), ...notes],
  };
}

/** A promise that is awaited later: an error before that must not leave it unhandled. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
