// The main job: read -> passes -> write under a temporary name -> load -> measure -> judge -> rename, and a Report of it.
import { renameSync } from 'node:fs';
import type * as z from 'zod';
import { recognise } from '../bert/recognise.ts';
import { inputsOf } from '../bert/summary.ts';
import { ModelError, UsageError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import type { InputRoles } from '../evaluate/roles.ts';
import { countParams } from '../ir/params.ts';
import { checkGraph } from '../ir/verify.ts';
import { resolveModel, type ModelPath } from '../model-path.ts';
import { hashFile } from '../onnx/hash.ts';
import { readModel } from '../onnx/read.ts';
import { sourceFiles } from '../onnx/sources.ts';
import { writeModel, writeReference, type Written } from '../onnx/write.ts';
import type { Pass } from '../passes/pass.ts';
import { REPORT_SCHEMA, type CompressionReport, type Report, type ReportStep } from '../report/schema.ts';
import { readMachine } from '../runtime/machine.ts';
import { openSession, type ValueSpec } from '../runtime/session.ts';
import { version } from '../version.ts';
import { silent, type Events } from './events.ts';
import { judge, type Gates } from './gates.ts';
import { measure, prepareMaterial, type Material, type Measured, type MeasureOptions } from './measure.ts';
import { planOutput, rejectedPath, Staging, type Precision } from './output.ts';

/** A pass with its options, as the report will name them. */
export interface Step<Schema extends z.ZodType = z.ZodType> {
  readonly pass: Pass<Schema>;
  readonly options: z.output<Schema>;
}

export interface CompressOptions extends MeasureOptions {
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
  refuseUncheckable(options);
  const input = resolveModel(options.model);
  const plan = planOutput(input, options.precision, options.output, options.force ?? false);
  const inputHash = quietly(hashFile(input.onnxPath));
  const model = readModel(input.onnxPath);
  const material =
    options.validate === false ? undefined : await prepareMaterial(input, interfaceOf(model), options, rolesOf(model));
  const done = runSteps(model, steps(model), events, options.signal);
  const staging = new Staging(plan);
  try {
    const sources = sourceFiles(input.onnxPath, model);
    const written = write(done.model, staging, sources.length > 1, options, events);
    const outputHash = quietly(hashFile(staging.path));
    const measured = await judgeRun(input, staging, material, options, events);
    const report = assemble(options, input, model, written, done, measured, material, [
      await inputHash,
      await outputHash,
    ]);
    const judgement = judge(report, options.gates ?? {});
    const rejected = judgement.verdict === 'fail' && options.keep !== true;
    const path = rejected ? rejectedPath(plan.path) : plan.path;
    if (rejected) reject(staging, written, path);
    else staging.accept();
    return finish(report, judgement, path, options.gates, started);
  } catch (error) {
    staging.discard();
    throw error;
  }
}

/** A gate whose figure will not be measured is refused before anything is done. */
function refuseUncheckable(options: CompressOptions): void {
  if (options.gates?.maxDrop && options.data === undefined)
    throw new UsageError('--max-drop: expected --data with labelled rows to measure it on, found none');
  if (options.gates?.maxDrop && options.validate === false)
    throw new UsageError('--max-drop: expected accuracy to be measured, found --no-validate');
  if (options.gates?.minSpeedup !== undefined && (!options.shapes || options.validate === false)) {
    throw new UsageError('--min-speedup: expected latency to be measured, found --no-bench or --no-validate');
  }
}

function interfaceOf(model: Model): { inputs: ValueSpec[]; outputs: ValueSpec[] } {
  const spec = (info: Model['graph']['inputs'][number]): ValueSpec => ({
    name: info.name,
    dtype: info.dtype ?? 'undefined',
    shape: [...(info.shape ?? [])],
  });
  const fed = model.graph.inputs.filter((info) => !model.graph.initializers.has(info.name));
  return { inputs: fed.map(spec), outputs: model.graph.outputs.map(spec) };
}

/** Inputs by meaning, from the data flow; undefined where recognition found no token input. */
function rolesOf(model: Model): InputRoles | undefined {
  const { ids, mask, segments, positions } = inputsOf(recognise(model));
  if (ids === undefined) return undefined;
  return { ids, ...(mask && { mask }), ...(segments && { segments }), ...(positions && { positions }) };
}

interface Done {
  readonly model: Model;
  readonly steps: ReportStep[];
}

function runSteps(input: Model, steps: readonly Step[], events: Events, signal: AbortSignal | undefined): Done {
  let model = input;
  const reports: ReportStep[] = [];
  for (const { pass, options } of steps) {
    const started = performance.now();
    const result = pass.run(model, options, {
      log: events.log,
      progress: events.bar(pass.name),
      ...(signal ? { signal } : {}),
    });
    checkGraph(result.model.graph, `after ${pass.name}`);
    if (!result.changed)
      throw new ModelError(`${pass.name}: expected something to compress, found nothing${reasons(result.skipped)}`);
    model = result.model;
    const { changed, stats, skipped } = result;
    reports.push({
      pass: pass.name,
      options: options as Record<string, unknown>,
      changed,
      stats,
      skipped: [...skipped],
      seconds: seconds(started),
    });
  }
  return { model, steps: reports };
}

function reasons(skipped: readonly { reason: string }[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of skipped) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts.size === 0 ? '' : `: ${[...counts].map(([reason, count]) => `${count} x ${reason}`).join('; ')}`;
}

function write(model: Model, staging: Staging, external: boolean, options: CompressOptions, events: Events): Written {
  const bar = events.bar('writing');
  return writeModel(model, staging.path, {
    externalData: options.externalData ?? (external || 'auto'),
    stripMetadata: options.stripMetadata ?? false,
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
  input: ModelPath,
  staging: Staging,
  material: Material | { readonly missing: string } | undefined,
  options: CompressOptions,
  events: Events,
): Promise<Measured> {
  if (material && !('missing' in material)) return measure(input.onnxPath, staging.path, material, options, events);
  await loadMapped(staging);
  const why = material ? material.missing : '--no-validate';
  if (options.gates?.minSpeedup !== undefined)
    throw new UsageError(`--min-speedup: expected inputs to measure on, found none: ${why}`);
  return { notes: [`neither accuracy nor parity was measured: ${why}`] };
}

function assemble(
  options: CompressOptions,
  input: ModelPath,
  model: Model,
  written: Written,
  done: Done,
  measured: Measured,
  material: Material | { readonly missing: string } | undefined,
  sha256: readonly [input: string, output: string],
): Omit<CompressionReport, 'verdict' | 'failures' | 'seconds' | 'peakRssBytes'> {
  const { notes, ...figures } = measured;
  const found = material && !('missing' in material) ? material : undefined;
  const bytes = sourceFiles(input.onnxPath, model).reduce((sum, file) => sum + file.bytes, 0);
  return {
    schema: REPORT_SCHEMA,
    tool: { name: 'bert-compress', version },
    command: options.command,
    seed: options.seed,
    input: { path: input.onnxPath, sha256: sha256[0], bytes, params: countParams(model.graph) },
    output: { path: written.path, sha256: sha256[1], bytes: written.bytes, params: countParams(done.model.graph) },
    ratio: written.bytes / bytes,
    steps: done.steps,
    ...figures,
    ...(found?.dataset ? { data: dataOf(found) } : {}),
    notes: [...(options.notes ?? []), ...(found?.notes ?? []), ...notes],
    machine: { ...readMachine(), isa: [...readMachine().isa] },
  };
}

function dataOf({ dataset, prepared }: Material): NonNullable<Report['data']> {
  const { path, format, columns, bad } = dataset!;
  return { path, format, columns: { ...columns }, rows: prepared.samples, bad: bad.map((row) => ({ ...row })) };
}

/** Keep a model that failed its gate, with its data, under the rejected name; nothing goes under the final one. */
function reject(staging: Staging, written: Written, path: string): void {
  if (written.dataPath) writeModel(readModel(staging.path), path);
  else renameSync(staging.path, path);
  staging.discard();
}

function finish(
  report: Omit<CompressionReport, 'verdict' | 'failures' | 'seconds' | 'peakRssBytes'>,
  judgement: ReturnType<typeof judge>,
  path: string,
  gates: Gates | undefined,
  started: number,
): CompressionReport {
  const { accuracy } = report;
  const allowed = accuracy && gates?.maxDrop?.allowed(accuracy.before);
  return {
    ...report,
    output: { ...report.output, path },
    ...(accuracy && allowed !== undefined
      ? { accuracy: { ...accuracy, allowed, verdict: accuracy.drop <= allowed ? 'pass' : 'fail' } }
      : {}),
    verdict: judgement.verdict,
    failures: [...judgement.failures],
    seconds: seconds(started),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** A promise that is awaited later: an error before that must not leave it unhandled. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function seconds(started: number): number {
  return (performance.now() - started) / 1000;
}
