// Pruning: rows -> for each budget a plan, the cut, healing -> write under a temporary name -> measure all beside the original -> judge -> rename.
import { UsageError } from '../errors.ts';
import type { Shape } from '../evaluate/latency.ts';
import type { FitTask } from '../objectives/fit-task.ts';
import type { Report } from '../report/schema.ts';
import { resolveModel } from '../model-path.ts';
import { silent, type Events } from './events.ts';
import { refuseUncheckable, type Gates } from './gates.ts';
import { readKnownModel } from './known-model.ts';
import { planFolder, type OutputPlan } from './output.ts';
import { finishPrune, type Variant } from './prune-finish.ts';
import { pruneMaterial, type PruneRowOptions } from './prune-set-up.ts';
import { untouched, type Work } from './prune-works.ts';
import type { RunOptions } from './training.ts';

/** One model to make: the works that make it, and what its folder is called behind the given name. */
export interface Making {
  readonly suffix: string;
  readonly works: readonly Work[];
}

export interface PruneModelOptions extends Omit<PruneRowOptions, 'task'>, RunOptions {
  readonly model: string;
  readonly task?: FitTask | undefined;
  /** Tokens of a text that multiply-adds are counted at. */
  readonly macsAt: number;
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
  const { makings, seed } = options;
  refuseUncheckable(options.gates, {
    data: options.dev !== undefined || (options.data !== undefined && options.split !== 0),
    latency: options.shapes !== undefined,
  });
  const plans = makings.map(({ suffix }) => outputOf(options, suffix, makings.length > 1));
  const original = readKnownModel(options.model);
  const material = await pruneMaterial(original, options);
  const variants: Variant[] = [];
  let interrupted = false;
  for (const [i, { works }] of makings.entries()) {
    let pruned = untouched(original);
    for (const work of works) {
      if (!interrupted) options.signal?.throwIfAborted();
      const own = { ...options, seed, ...(interrupted ? { signal: undefined } : {}) };
      pruned = await work(pruned, { original, material, options: own, interrupted, events });
      interrupted ||= pruned.training?.stopped === 'interrupted';
    }
    if (pruned.steps.every(({ changed }) => !changed))
      throw new UsageError('prune: expected something to remove, found a budget that the model meets as it is');
    variants.push({ pruned, plan: plans[i]! });
  }
  return finishPrune({ original, material, variants, started }, options, events);
}

/** Several models lie each in a folder of its own: NAME-SUFFIX, or OUTPUT-SUFFIX. */
function outputOf(options: PruneModelOptions, suffix: string, several: boolean): OutputPlan {
  const { output, force = false } = options;
  if (several && output?.endsWith('.onnx'))
    throw new UsageError(`--output: expected a folder's name for several models, found ${output}`);
  const named = several && output !== undefined ? `${output.replace(/\/+$/, '')}-${suffix}` : output;
  return planFolder(resolveModel(options.model), several ? `pruned-${suffix}` : 'pruned', named, force);
}
