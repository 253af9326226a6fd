// Pruning: rows -> for each budget a plan, the cut, healing -> write under a temporary name -> measure all beside the original -> judge -> rename.
import { UsageError } from '../../errors.ts';
import type { Shape } from '../../evaluate/latency.ts';
import type { FitTask } from '../../objectives/fit-task.ts';
import type { Report } from '../../report/schema.ts';
import { resolveModel } from '../../model-path.ts';
import { silent, type Events } from '../events.ts';
import { refuseUncheckable, type Gates } from '../gates.ts';
import { blocksOf } from '../../passes/structure/blocks.ts';
import { readKnownModel } from '../known-model.ts';
import { planFolder, type OutputPlan } from '../output.ts';
import { finishPrune, type Variant } from './finish.ts';
import { withFewerTokens, type VocabularyOptions } from '../vocabulary/vocabulary.ts';
import { pruneMaterial, type PruneRowOptions } from './set-up.ts';
import { runSteps, sharing } from '../steps.ts';
import { untouched, withModel, type Pruned, type Work } from './works.ts';
import { Scratch, type RunOptions } from '../learn/training.ts';

/** One model to make: the works that make it, and what its folder is called behind the given name. */
export interface Making {
  readonly suffix: string;
  readonly works: readonly Work[];
}

/** The verb that the works are for. */
export interface Verb {
  readonly command: string;
  /** What the default folder is called behind the model's name. */
  readonly folder: string;
  /** What is said where the works found nothing to do. */
  readonly nothing: string;
  /** It has no use for a model whose layers were not recognised. */
  readonly needsLayers?: boolean;
}

const prune: Verb = {
  command: 'prune',
  folder: 'pruned',
  needsLayers: true,
  nothing: 'prune: expected something to remove, found a budget that the model meets as it is',
};

export interface PruneModelOptions extends Omit<PruneRowOptions, 'task'>, RunOptions {
  readonly model: string;
  /** Default prune. */
  readonly verb?: Verb | undefined;
  readonly task?: FitTask | undefined;
  /** Tokens of a text that multiply-adds are counted at. */
  readonly macsAt: number;
  /** Tokens that a corpus does not need go first. */
  readonly vocabulary?: Pick<VocabularyOptions, 'vocabulary' | 'keepTokens' | 'minCount' | 'characters'> | undefined;
  /** Models to make, at least one. */
  readonly makings: readonly Making[];
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly keep?: boolean | undefined;
  readonly gates: Gates;
  /** Shapes of the latency table; undefined: none is measured. */
  readonly shapes?: readonly Shape[] | undefined;
}

/** Throws UsageError, ModelError, DataError. */
export async function pruneModel(options: PruneModelOptions, events: Events = silent): Promise<Report> {
  const started = performance.now();
  const { makings, verb = prune } = options;
  refuseUncheckable(options.gates, {
    data: options.dev !== undefined || (options.data !== undefined && options.split !== 0),
    latency: options.shapes !== undefined,
  });
  const plans = makings.map(({ suffix }) => outputOf(options, suffix, makings.length > 1));
  const given = readKnownModel(options.model);
  const scratch = new Scratch();
  try {
    const { vocabulary } = options;
    const fewer = vocabulary && (await withFewerTokens(given, { ...options, ...vocabulary }, scratch, events));
    const start = fewer?.pruned ?? untouched(given);
    if (verb.needsLayers && !vocabulary) blocksOf(given.model, given.recognition); // refuses with the reason
    const original = start.known;
    const material = await pruneMaterial(original, options);
    const variants: Variant[] = [];
    let interrupted = false;
    for (const [i, { works }] of makings.entries()) {
      let pruned = start;
      for (const work of works) {
        if (!interrupted) options.signal?.throwIfAborted();
        const own = interrupted ? { ...options, signal: undefined } : options;
        pruned = await work(pruned, { original, material, options: own, interrupted, events });
        interrupted ||= pruned.training?.stopped === 'interrupted';
      }
      if (pruned.steps.every(({ changed }) => !changed)) throw new UsageError(verb.nothing);
      variants.push({ pruned: tidied(pruned, events), plan: plans[i]! });
    }
    const rest = interrupted ? { ...options, signal: undefined } : options;
    return await finishPrune({ original: given, material, variants, fewer, started }, rest, events);
  } finally {
    scratch.dispose();
  }
}

/** As every writer does: weights of the same content once. */
function tidied(pruned: Pruned, events: Events): Pruned {
  const { model, steps } = runSteps(pruned.known.model, [sharing], events);
  return steps.reduce((before, step) => withModel(before, model, step), pruned);
}

/** Several models lie each in a folder of its own: NAME-SUFFIX, or OUTPUT-SUFFIX. */
function outputOf(options: PruneModelOptions, suffix: string, several: boolean): OutputPlan {
  const { output, force = false, verb = prune } = options;
  if (several && output?.endsWith('.onnx'))
    throw new UsageError(`--output: expected a folder's name for several models, found ${output}`);
  const named = several && output !== undefined ? `${output.replace(/\/+$/, '')}-${suffix}` : output;
  const suffixed = several ? `${verb.folder}-${suffix}` : verb.folder;
  const plan = planFolder(resolveModel(options.model), suffixed, named, force);
  if (options.vocabulary && plan.folder === undefined)
    throw new UsageError(`--output: expected a folder, which the new tokenizer goes into, found ${output}`);
  return plan;
}
