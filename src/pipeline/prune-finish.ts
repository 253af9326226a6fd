// The end of a pruning: the models written, measured together beside the original, judged, put in their places.
import { join } from 'node:path';
import { recognise } from '../bert/recognise.ts';
import { UsageError } from '../errors.ts';
import { taskNamed } from '../evaluate/registry.ts';
import { countParams } from '../ir/params.ts';
import { hashFile } from '../onnx/hash.ts';
import { writeModel, type Written } from '../onnx/write.ts';
import type { Candidate, Report } from '../report/schema.ts';
import { candidateOf, comparison, dataOf, runFacts } from './candidate.ts';
import type { Events } from './events.ts';
import { fileFacts, type KnownModel } from './known-model.ts';
import { prepareMaterial, refuseImpossible, type Entry, type Material, type NoMaterial } from './material.ts';
import { measure, type Found, type MeasureOptions, type Measured } from './measure.ts';
import { Staging, type OutputPlan } from './output.ts';
import { partsBeside } from './parts.ts';
import { place } from './place.ts';
import type { PruneModelOptions } from './prune.ts';
import type { PruneMaterial } from './prune-set-up.ts';
import { withPareto } from './pareto.ts';
import { withKnee } from './prune-curve.ts';
import { prunedConfig, structureOf, type ModelShape } from './prune-shape.ts';
import { saidOf, untouched, type Pruned } from './prune-works.ts';
import { entryOf, finite } from './trained.ts';
import { Scratch } from './training.ts';

/** A model that was made, and where it goes. */
export interface Variant {
  readonly pruned: Pruned;
  readonly plan: OutputPlan;
}

export interface PruneDone {
  readonly original: KnownModel;
  readonly material: PruneMaterial | undefined;
  readonly variants: readonly Variant[];
  /** Of `performance.now()`. */
  readonly started: number;
}

interface Staged extends Variant {
  readonly staging: Staging;
  readonly written: Written;
}

/** Throws ModelError where a written model does not load or run. */
export async function finishPrune(done: PruneDone, options: PruneModelOptions, events: Events): Promise<Report> {
  const stagings: Staging[] = [];
  try {
    const staged = done.variants.map(({ pruned, plan }): Staged => {
      const own = { ...plan, texts: textsOf(plan, pruned, untouched(done.original).shape) };
      const staging = new Staging(own);
      stagings.push(staging);
      return { pruned, plan: own, staging, written: writeModel(pruned.known.model, staging.path, { progress: events.bar('writing') }) }; // prettier-ignore
    });
    const rows = await rowsToJudgeBy(done, options);
    const measured = await measureAll(staged, rows, options, events);
    const before = await measureUnhealed(staged, rows, options, events);
    const facts = await fileFacts(done.original);
    const candidates: Candidate[] = [];
    for (const [i, one] of staged.entries())
      candidates.push(await judged(done.original, facts, one, measured.found[i] ?? {}, before[i], options));
    return {
      ...runFacts({ ...options, command: 'prune' }, done.started),
      input: facts,
      ...(candidates.length > 1 ? comparison(withKnee(withPareto(facts.bytes, candidates))) : candidates[0]!),
      ...(candidates.length > 1 ? {} : saidOf(staged[0]!.pruned)),
      steps: staged.flatMap(({ pruned }) => pruned.steps),
      ...('missing' in rows || !rows.labelled ? {} : { data: dataOf(rows.dataset) }),
      notes: [
        ...(done.material?.notes ?? []),
        ...('missing' in rows ? [] : rows.notes),
        ...new Set(staged.flatMap(({ pruned }) => pruned.notes)),
        ...measured.notes,
      ],
    };
  } catch (error) {
    for (const staging of stagings) staging.discard();
    throw error;
  }
}

function textsOf({ folder }: OutputPlan, { texts, known, shape }: Pruned, whole: ModelShape): Map<string, string> {
  const { config } = known.path;
  if (folder === undefined) return new Map();
  const own = config && `${JSON.stringify(prunedConfig(config, whole, shape), null, 2)}\n`;
  const named = [...(own === undefined ? [] : [['config.json', own] as const]), ...texts];
  return new Map(named.map(([name, text]) => [join(folder, name), text]));
}

async function judged(
  original: KnownModel,
  facts: Report['input'],
  { pruned, plan, staging, written }: Staged,
  found: Found,
  healing: Found | undefined,
  { gates, keep, macsAt }: PruneModelOptions,
): Promise<Candidate> {
  const { known, shape, training } = pruned;
  const { model } = known;
  const sha256 = await hashFile(staging.path);
  const output = { path: plan.path, sha256, bytes: written.bytes, params: countParams(model.graph) };
  const whole = candidateOf(facts, output, found, gates);
  const candidate = training ? finite(whole, training) : whole;
  const path = place(staging, plan, written, candidate, keep);
  return {
    ...candidate,
    structure: structureOf(original, shape, macsAt),
    ...(healing ? { beforeHealing: healing } : {}),
    ...partsBeside(original, { model, recognition: recognise(model) }),
    output: { ...output, path },
  };
}

/** Rows with labels where there are some, else built-in texts. */
async function rowsToJudgeBy(
  { original, material }: PruneDone,
  options: PruneModelOptions,
): Promise<Material | NoMaterial> {
  const { dev, gates, seed, maxLength, text, textPair, label } = options;
  const split = material?.dev;
  if (!split) {
    if (dev === undefined && (gates.maxDrop || gates.minMetric !== undefined))
      throw new UsageError(
        `${gates.maxDrop ? '--max-drop' : '--min-metric'}: expected labelled rows to judge by, found none: name a file with --dev`,
      );
    const rows = await prepareMaterial([original], { seed, maxLength, ...(dev === undefined ? {} : { data: dev, text, textPair, label }) }); // prettier-ignore
    if (!('missing' in rows)) refuseImpossible(rows, options);
    return rows;
  }
  const entry = entryOf({ ...split, roles: material.feeding.roles }, original.path.onnxPath, material);
  return { task: taskNamed(split.task), dataset: split.dataset, labelled: true, entries: [entry], notes: [] };
}

async function measureAll(
  staged: readonly Staged[],
  rows: Material | NoMaterial,
  options: PruneModelOptions,
  events: Events,
): Promise<Measured> {
  if ('missing' in rows) return { found: [], notes: [`neither accuracy nor parity was measured: ${rows.missing}`] };
  const names = staged.map(({ plan }) => (staged.length > 1 ? plan.path : 'the pruned model'));
  const paths = staged.map(({ staging }) => staging.path);
  return measure(entriesOf(rows, paths, names), rows, measuring(staged, options), events);
}

/** The models as they were before they were healed, without their latency, which is the same. */
async function measureUnhealed(
  staged: readonly Staged[],
  rows: Material | NoMaterial,
  options: PruneModelOptions,
  events: Events,
): Promise<(Found | undefined)[]> {
  const models = staged.map(({ pruned }) => pruned.unhealed);
  if ('missing' in rows || !models.some((model) => model !== undefined)) return [];
  const scratch = new Scratch();
  try {
    const paths = models.flatMap((model) => (model ? [scratch.write(model)] : []));
    const entries = entriesOf(
      rows,
      paths,
      paths.map(() => 'the model before healing'),
    );
    const { found } = await measure(entries, rows, { ...measuring(staged, options), shapes: undefined }, events);
    let at = 0;
    return models.map((model) => (model ? withoutRows(found[at++]!) : undefined));
  } finally {
    scratch.dispose();
  }
}

function withoutRows({ accuracy, parity }: Found): Found {
  return { ...(accuracy ? { accuracy } : {}), ...(parity ? { parity } : {}) };
}

function entriesOf({ entries }: Material, paths: readonly string[], names: readonly string[]): Entry[] {
  const [original] = entries;
  return [original!, ...paths.map((onnxPath, i): Entry => ({ ...original!, onnxPath, name: names[i]! }))];
}

/** An interruption ended the healing and not the work. */
function measuring(
  staged: readonly Staged[],
  { signal, seed, threads, ep, shapes, gates }: PruneModelOptions,
): MeasureOptions {
  const interrupted = staged.some(({ pruned }) => pruned.training?.stopped === 'interrupted');
  return { seed, threads, ep, shapes, gates, ...(interrupted ? {} : { signal }) };
}
