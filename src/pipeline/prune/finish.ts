// The end of a pruning: the models written, measured together beside the original, judged, put in their places.
import { basename, join } from 'node:path';
import { recognise } from '../../bert/recognise.ts';
import { countParams } from '../../ir/params.ts';
import { hashFile } from '../../onnx/hash.ts';
import { sourceFiles } from '../../onnx/sources.ts';
import { writeModel, type Written } from '../../onnx/write.ts';
import type { Candidate, Report } from '../../report/schema.ts';
import { candidateOf, comparison, dataOf, runFacts } from '../candidate.ts';
import { compressedSize } from '../compressed-size.ts';
import type { Events } from '../events.ts';
import { fileFacts, type KnownModel } from '../known-model.ts';
import type { Entry, Material, NoMaterial } from '../material.ts';
import { measure, type Found, type MeasureOptions, type Measured } from '../measure.ts';
import { Staging, type OutputPlan } from '../output.ts';
import { partsBeside } from '../parts.ts';
import { place } from '../place.ts';
import type { PruneModelOptions } from './prune.ts';
import { withPareto } from '../pareto.ts';
import { rowsToJudgeBy, type Judged } from './rows.ts';
import { withKnee } from './curve.ts';
import { sharedLayers } from '../share/shared-layers.ts';
import { prunedConfig, structureOf, type ModelShape } from './shape.ts';
import { saidOf, untouched, type Pruned } from './works.ts';
import { finite } from '../learn/trained.ts';
import { Scratch } from '../learn/training.ts';

/** A model that was made, and where it goes. */
export interface Variant {
  readonly pruned: Pruned;
  readonly plan: OutputPlan;
}

export interface PruneDone extends Judged {
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
      const texts = textsOf(plan, pruned, untouched(done.original).shape);
      const copied = ([from, to]: readonly [string, string]): boolean =>
        !texts.has(to) && done.fewer?.left.has(basename(from)) !== true;
      const own = { ...plan, copies: plan.copies.filter(copied), texts };
      const staging = new Staging(own);
      stagings.push(staging);
      const written = writeModel(pruned.known.model, staging.path, { progress: events.bar('writing') });
      if (done.fewer) staging.companions();
      return { pruned, plan: own, staging, written };
    });
    const rows = await rowsToJudgeBy(done, staged[0]!.staging.path, options);
    const measured = await measureAll(staged, rows, options, events);
    const before = await measureUnhealed(staged, rows, options, events);
    const facts = { ...(await fileFacts(done.original)), ...(await compressedOriginal(done, options)) };
    const candidates: Candidate[] = [];
    for (const [i, one] of staged.entries())
      candidates.push(await judged(done.original, facts, one, measured.found[i] ?? {}, before[i], options));
    return {
      ...runFacts({ ...options, command: options.verb?.command ?? 'prune' }, done.started),
      input: facts,
      ...(candidates.length > 1 ? comparison(withKnee(withPareto(facts.bytes, candidates))) : candidates[0]!),
      ...(candidates.length > 1 ? {} : saidOf(staged[0]!.pruned)),
      // the vocabulary's is one for all
      steps: [...new Set(staged.flatMap(({ pruned }) => pruned.steps))],
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
  const own = config && whole.layers.length > 0 && `${JSON.stringify(prunedConfig(config, whole, shape), null, 2)}\n`;
  const named = [...(typeof own !== 'string' ? [] : [['config.json', own] as const]), ...texts];
  return new Map(named.map(([name, text]) => [join(folder, name), text]));
}

/** The original's files under compression, where a model was made of zeros or codes that make a difference there. */
async function compressedOriginal(
  { original: { path, model }, variants }: PruneDone,
  { signal, verb }: PruneModelOptions,
): Promise<Pick<Report['input'], 'compressed'>> {
  const sparse = variants.some(({ pruned }) => pruned.steps.some((step) => step.pass === 'sparsify'));
  if (!sparse && verb?.command !== 'share') return {};
  const files = sourceFiles(path.onnxPath, model).map((file) => file.path);
  return { compressed: await compressedSize(files, signal) };
}

function filesOf({ path, dataPath }: Written): string[] {
  return dataPath === undefined ? [path] : [path, dataPath];
}

async function judged(
  original: KnownModel,
  facts: Report['input'],
  { pruned, plan, staging, written }: Staged,
  found: Found,
  healing: Found | undefined,
  { gates, keep, macsAt, signal, verb }: PruneModelOptions,
): Promise<Candidate> {
  const { known, shape, training } = pruned;
  const { model } = known;
  const sha256 = await hashFile(staging.path);
  const compressed = facts.compressed && (await compressedSize(filesOf(written), signal));
  const output = {
    path: plan.path,
    sha256,
    bytes: written.bytes,
    params: countParams(model.graph),
    ...(compressed && { compressed }),
  };
  const whole = candidateOf(facts, output, found, gates);
  const candidate = training ? finite(whole, training) : whole;
  const path = place(staging, plan, written, candidate, keep);
  return {
    ...candidate,
    ...(verb?.command === 'share' ? sharedLayers(known) : { structure: structureOf(original, shape, macsAt) }),
    ...(healing ? { beforeHealing: healing } : {}),
    ...partsBeside(original, { model, recognition: recognise(model) }),
    output: { ...output, path },
  };
}

async function measureAll(
  staged: readonly Staged[],
  rows: Material | NoMaterial,
  options: PruneModelOptions,
  events: Events,
): Promise<Measured> {
  if ('missing' in rows) return { found: [], notes: [`neither accuracy nor parity was measured: ${rows.missing}`] };
  const names = staged.map(({ plan }) => (staged.length > 1 ? plan.path : 'the model that was made'));
  const paths = staged.map(({ staging }) => staging.path);
  return measure(entriesOf(rows, paths, names), rows, measuring(options), events);
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
    const { found } = await measure(entries, rows, { ...measuring(options), shapes: undefined }, events);
    let at = 0;
    return models.map((model) => (model ? withoutRows(found[at++]!) : undefined));
  } finally {
    scratch.dispose();
  }
}

function withoutRows({ accuracy, parity }: Found): Found {
  return { ...(accuracy ? { accuracy } : {}), ...(parity ? { parity } : {}) };
}

/** Pruned models have one tokenizer: that of the second entry where there is one, else the original's. */
function entriesOf({ entries }: Material, paths: readonly string[], names: readonly string[]): Entry[] {
  const [original, own = original!] = entries;
  return [original!, ...paths.map((onnxPath, i): Entry => ({ ...own, onnxPath, name: names[i]! }))];
}

function measuring({ signal, seed, threads, ep, shapes, gates }: PruneModelOptions): MeasureOptions {
  return { signal, seed, threads, ep, shapes, gates };
}
