// Timing given models against the original: read -> time in turn -> memory -> profile -> judge, and a Report of it.
import { UsageError } from '../../errors.ts';
import type { Candidate, Report } from '../../report/schema.ts';
import { benchNotes } from './notes.ts';
import { measureBench, type BenchFigures, type BenchMeasureOptions } from './measure.ts';
import { planBench, type BenchPlanOptions } from './plan.ts';
import { candidateOf, comparison, runFacts } from '../candidate.ts';
import { silent, type Events } from '../events.ts';
import type { Gates } from '../gates.ts';
import { fileFacts, readKnownModel } from '../known-model.ts';
import { withPareto } from '../pareto.ts';
import { partsBeside } from '../parts.ts';

export interface BenchModelsOptions extends BenchPlanOptions, BenchMeasureOptions {
  readonly original: string;
  readonly candidates: readonly string[];
  readonly gates: Gates;
}

/** Throws UsageError, ModelError, DataError. */
export async function benchModels(options: BenchModelsOptions, events: Events = silent): Promise<Report> {
  const started = performance.now();
  const { gates } = options;
  if (options.candidates.length === 0) throw new UsageError('bench: expected at least one candidate, found none');
  const models = [options.original, ...options.candidates].map(readKnownModel);
  const plan = await planBench(models, options);
  const facts = await Promise.all(models.map((model) => fileFacts(model))); // hashing would take a core from the models
  const measured = await measureBench(plan, options, events);
  const [input, ...outputs] = facts;
  const candidates = withPareto(
    input!.bytes,
    outputs.map((output, i) => ({
      ...judged(input!, output, measured.found[i]!, gates),
      ...partsBeside(models[0]!, models[i + 1]!),
    })),
  );
  return {
    ...runFacts({ ...options, command: 'bench' }, started),
    input: input!,
    ...comparison(candidates),
    notes: benchNotes(plan, measured, candidates, gates),
  };
}

function judged(input: Report['input'], output: Candidate['output'], found: BenchFigures, gates: Gates): Candidate {
  const { latency, memory, profile } = found;
  const candidate = candidateOf(input, output, { latency: [...latency] }, gates);
  return { ...candidate, ...(memory && { memory }), ...(profile && { profile }) };
}
