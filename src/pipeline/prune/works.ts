// A model on its way from the original to what is written, and the works that bring it there, one after the other.
import { recognise } from '../../bert/recognise.ts';
import type { Model } from '../../ir/graph.ts';
import { checkGraph } from '../../ir/verify.ts';
import { macCosts, wholeCost } from '../../passes/prune/costs.ts';
import { prunePass } from '../../passes/prune/prune.ts';
import type { Budget } from '../../passes/prune/keep-plan.ts';
import { blocksOf } from '../../passes/structure/blocks.ts';
import type { CompressionReport, ReportStep, Training } from '../../report/schema.ts';
import type { Events } from '../events.ts';
import type { KnownModel } from '../known-model.ts';
import { choosePlan, type ChooseOptions } from './choose.ts';
import type { PruneMaterial } from './set-up.ts';
import { shapeAfter, wholeShape, type ModelShape } from './shape.ts';
import type { RunOptions } from '../learn/training.ts';

/** A model half-way, and what the report and its folder will say of it. */
export interface Pruned {
  readonly known: KnownModel;
  readonly steps: readonly ReportStep[];
  readonly notes: readonly string[];
  /** Files of the output folder that say something else than the original's, by their names in it. */
  readonly texts: ReadonlyMap<string, string>;
  readonly shape: ModelShape;
  /** Names of weights whose zeros healing leaves where they are. */
  readonly sparse?: readonly string[] | undefined;
  readonly training?: Training | undefined;
  /** The model before it was healed. */
  readonly unhealed?: Model | undefined;
}

/** What a work may look at. */
export interface Workshop {
  readonly original: KnownModel;
  /** Undefined without --data. */
  readonly material: PruneMaterial | undefined;
  readonly options: RunOptions & { readonly seed: number };
  /** The user ended a healing: none is begun any more, what is left to do is done. */
  readonly interrupted?: boolean | undefined;
  readonly events: Events;
}

/** One work: gives the model as it is after it. Throws UsageError, ModelError, DataError. */
export type Work = (before: Pruned, shop: Workshop) => Promise<Pruned>;

/** The original, on which nothing has been done. */
export function untouched(original: KnownModel): Pruned {
  const { model, recognition } = original;
  const layered = recognition.encoders.some(({ layers }) => layers.length > 0);
  const shape = layered ? wholeShape(blocksOf(model, recognition)) : { layers: [], origins: [] };
  return { known: original, steps: [], notes: [], texts: new Map(), shape };
}

/** The model with another graph. */
export function withModel(before: Pruned, model: Model, step: ReportStep, notes: readonly string[] = []): Pruned {
  checkGraph(model.graph, `after ${step.pass}`);
  const known = { ...before.known, model, recognition: recognise(model) };
  return { ...before, known, steps: [...before.steps, step], notes: [...before.notes, ...notes] };
}

/** Heads and neurons removed until the budget is met. */
export function narrowTo(budget: Budget, choice: ChooseOptions): Work {
  return async (before, { original, material, options, events }) => {
    const started = performance.now();
    const { signal } = options;
    const own = ofWhat(budget, original, before.known, choice.sequence);
    const chosen = await choosePlan(before.known, material, own, choice, { ...options, events });
    const context = { log: events.log, progress: events.bar('pruning'), ...(signal ? { signal } : {}) };
    const { model, changed, stats, skipped } = prunePass.run(before.known.model, chosen.plan, context);
    const step = {
      pass: 'prune',
      options: { by: choice.by, ...budget },
      changed,
      stats: { ...stats, ...rounded(chosen.stats) },
      skipped: [...skipped],
      seconds: (performance.now() - started) / 1000,
    };
    const shape = shapeAfter(before.shape, blocksOf(before.known.model, before.known.recognition), chosen.plan);
    return { ...withModel(before, model, step, chosen.notes), shape };
  };
}

function rounded(stats: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(stats).map(([name, value]) => [name, Number(value.toFixed(4))]));
}

/** A share of the original's multiply-adds is a larger share of those that are left. */
function ofWhat(budget: Budget, original: KnownModel, now: KnownModel, sequence: number): Budget {
  if (budget.kind !== 'macs') return budget;
  const whole = ({ model, recognition }: KnownModel): number => {
    const blocks = blocksOf(model, recognition);
    return wholeCost(blocks, macCosts(blocks, sequence));
  };
  return { ...budget, keep: Math.min(1, (budget.keep * whole(original)) / whole(now)) };
}

/** The parts of a report that works leave. */
export function saidOf({ steps, training }: Pruned): Pick<CompressionReport, 'steps' | 'training'> {
  return { steps: [...steps], ...(training ? { training } : {}) };
}
