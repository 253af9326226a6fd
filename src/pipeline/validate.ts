// Holding given models against the original: read -> prepare -> measure -> judge, and a Report of it.
import { UsageError } from '../errors.ts';
import { hashFile } from '../onnx/hash.ts';
import type { Candidate, Report } from '../report/schema.ts';
import { checkBaselineFlags } from './baseline.ts';
import { candidateOf, comparison, dataOf, runFacts } from './candidate.ts';
import { silent, type Events } from './events.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { partsBeside } from './parts.ts';
import { withPareto } from './pareto.ts';
import { diagnose } from './diagnose.ts';
import { fileFacts, readKnownModel, type KnownModel } from './known-model.ts';
import { baselineOf, prepareMaterial, refuseImpossible, type DataOptions, type Material } from './material.ts';
import { measure, type Found, type Measured, type MeasureOptions } from './measure.ts';
import { saturationNote, withSaturation } from './saturation.ts';

export interface ValidateModelsOptions extends DataOptions, MeasureOptions {
  readonly original: string;
  readonly candidates: readonly string[];
  readonly gates: Gates;
  /** File with the figures of the model accepted last. */
  readonly baseline?: string | undefined;
  readonly updateBaseline?: boolean | undefined;
}

/** Throws UsageError, ModelError, DataError. */
export async function validateModels(options: ValidateModelsOptions, events: Events = silent): Promise<Report> {
  const started = performance.now();
  const { gates } = options;
  refuseUncheckable(gates, { data: options.data !== undefined, latency: options.shapes !== undefined });
  checkBaselineFlags({ ...options, candidates: options.candidates.length });
  const models = [options.original, ...options.candidates].map(readKnownModel);
  const facts = Promise.all(models.map((model) => fileFacts(model, hashFile(model.path.onnxPath))));
  facts.catch(() => {}); // awaited below; an error before that must not leave it unhandled
  const material = await prepareMaterial(models, options);
  if ('missing' in material)
    throw new UsageError(`validate: expected a tokenizer to make inputs with: ${material.missing}`);
  refuseImpossible(material, options);
  const baseline = await baselineOf(options, material);
  const measured = await measureAll(models, material, options, events);
  const [input, ...outputs] = await facts;
  const notes = models.slice(1).flatMap(({ model, path }) => saturationNote(model, path.onnxPath) ?? []);
  const judged = outputs.map((output, i) => ({
    ...candidateOf(input!, output, measured.found[i]!, gates, baseline),
    ...partsBeside(models[0]!, models[i + 1]!),
  }));
  const candidates = withPareto(input!.bytes, await explain(judged, models, material, measured));
  return {
    ...runFacts({ ...options, command: 'validate' }, started),
    input: input!,
    ...comparison(candidates),
    ...(material.labelled ? { data: dataOf(material.dataset) } : {}),
    ...(baseline ? { baseline: baseline.settle(candidates[0]!, candidates[0]!.verdict) } : {}),
    notes: [...material.notes, ...(baseline?.notes ?? []), ...measured.notes, ...notes],
  };
}

/** Every model, and where that was asked for the candidates with saturating products as well. */
async function measureAll(
  models: readonly KnownModel[],
  material: Material,
  options: ValidateModelsOptions,
  events: Events,
): Promise<Measured> {
  const measured = await measure(material.entries, material, options, events);
  if (options.emulateSaturation !== true) return measured;
  const found: Found[] = [];
  for (const [i, one] of measured.found.entries()) {
    const pair = [material.entries[0]!, material.entries[i + 1]!] as const;
    found.push(await withSaturation(one, pair, models[i + 1]!.model, material, options, events));
  }
  return { ...measured, found };
}

/** Failed candidates with what looks wrong with them. */
function explain(
  candidates: readonly Candidate[],
  models: readonly KnownModel[],
  { entries, dataset }: Material,
  measured: Measured,
): Promise<Candidate[]> {
  const original = { known: models[0]!, entry: entries[0]!, evaluation: measured.original };
  return Promise.all(
    candidates.map(async (candidate, i) => {
      if (candidate.verdict !== 'fail') return candidate;
      const { evaluation } = measured.found[i]!;
      const diagnosis = await diagnose(
        original,
        { known: models[i + 1]!, entry: entries[i + 1]!, evaluation },
        dataset,
      );
      return diagnosis.length === 0 ? candidate : { ...candidate, diagnosis };
    }),
  );
}
