// `prune` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import { defaultShapes, type Shape } from './evaluate/latency.ts';
import type { FitTask } from './objectives/fit-task.ts';
import type { Budget } from './passes/prune/keep-plan.ts';
import type { Events } from './pipeline/events.ts';
import { gatesOf } from './pipeline/gates.ts';
import { pruneModel, type Making } from './pipeline/prune.ts';
import { heal, type HealOptions } from './pipeline/prune-heal.ts';
import { narrowTo } from './pipeline/prune-works.ts';
import type { Report } from './report/schema.ts';

/** Options of `prune`; each is the flag of the same name. */
export interface PruneOptions {
  /** Share of the layers' multiply-adds to keep; several make a model each. */
  readonly keepMacs?: number | readonly number[] | undefined;
  /** What decides which heads and neurons stay. */
  readonly by?: 'magnitude' | undefined;
  /** Tokens of a text that multiply-adds are counted at; default 128. */
  readonly macsAt?: number | undefined;

  /** Texts that say what matters in the model. */
  readonly data?: string | undefined;

  /** Healing: how long the pruned model learns from the original. */
  readonly healMinutes?: number | undefined;
  readonly healEpochs?: number | undefined;
  /** Its highest learning rate; default 1e-4. */
  readonly healRate?: number | undefined;
  /** Rows a step; default 64. */
  readonly batch?: number | undefined;
  /** Prune in this many steps with healing between; default 1. */
  readonly iterations?: number | undefined;

  /** Rows to judge by; default a share of `data` where it has labels. */
  readonly dev?: string | undefined;
  /** That share; default 0.1, 0 for none. */
  readonly split?: number | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** Default guessed from the data and the model. */
  readonly task?: FitTask | undefined;
  /** Rows of `data` that the choice looks at, taken with the seed; default 2,048. */
  readonly samples?: number | undefined;
  readonly clean?: boolean | undefined;
  readonly htmlEntities?: boolean | undefined;
  readonly deduplicate?: boolean | undefined;
  readonly maxLength?: number | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;

  /** FILE.onnx or a folder; default NAME-pruned beside the model's folder. */
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly keep?: boolean | undefined;
  /** Measure latency; default true. */
  readonly bench?: boolean | undefined;
  readonly shapes?: readonly Shape[] | undefined;
  /** `1%` (relative) or `0.5pt` of the original's metric. */
  readonly maxDrop?: string | undefined;
  /** `1.8x` */
  readonly minSpeedup?: string | undefined;
  /** `88%` or `0.88` of the metric. */
  readonly minMetric?: string | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly ep?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Prune a model file or folder, measure what it cost and judge it by the gates.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export function prune(model: string, options: PruneOptions = {}, events?: Events): Promise<Report> {
  const { maxDrop, minSpeedup, minMetric, bench, shapes, ep, seed, ...rest } = options;
  return pruneModel(
    {
      ...rest,
      model,
      samples: readOf(options),
      macsAt: options.macsAt ?? 128,
      makings: makingsOf(options),
      seed: seed ?? 0,
      ep: ep === undefined ? undefined : [ep],
      shapes: bench === false ? undefined : (shapes ?? defaultShapes),
      gates: gatesOf({ maxDrop, minSpeedup, minMetric }),
    },
    events,
  );
}

/** Rows that the choice looks at. */
const SAMPLES = 2048;

/** Healing learns from all rows, and rows to judge by are a share of all; else no more are read than the choice looks at. */
function readOf({ dev, healMinutes, healEpochs, samples = SAMPLES }: PruneOptions): number | undefined {
  return dev === undefined || healMinutes !== undefined || healEpochs !== undefined ? undefined : samples;
}

function makingsOf(options: PruneOptions): Making[] {
  const { keepMacs, by = 'magnitude', macsAt: sequence = 128, samples = SAMPLES } = options;
  const choice = { by, sequence, samples };
  const shares = keepMacs === undefined ? [] : [keepMacs].flat();
  if (shares.length === 0) throw new UsageError('prune: expected a budget such as --keep-macs 0.6, found none');
  const wrong = shares.find((share) => !(share > 0 && share < 1));
  if (wrong !== undefined) throw new UsageError(`--keep-macs: expected shares between 0 and 1, found ${wrong}`);
  const healing = healingOf(options);
  const steps = options.iterations ?? 1;
  if (steps > 1 && !healing)
    throw new UsageError('--iterations: expected healing between them, found neither --heal-minutes nor --heal-epochs');
  return shares.map((keep) => ({
    suffix: String(keep),
    works: Array.from({ length: steps }, (_, i): Budget => ({
      kind: 'macs',
      keep: 1 - ((1 - keep) * (i + 1)) / steps,
    })).flatMap((budget) => [narrowTo(budget, choice), ...(healing ? [heal(healing)] : [])]),
  }));
}

/** What each of the iterations takes its part of. */
function healingOf(options: PruneOptions): HealOptions | undefined {
  const { healMinutes, healEpochs, healRate = 1e-4, batch = 64, iterations = 1 } = options;
  if (healMinutes !== undefined && healEpochs !== undefined)
    throw new UsageError('expected one of --heal-minutes and --heal-epochs, found both');
  const given = healMinutes ?? healEpochs;
  if (given === undefined) return undefined;
  const flag = healMinutes === undefined ? '--heal-epochs' : '--heal-minutes';
  if (!(given > 0)) throw new UsageError(`${flag}: expected a number above 0, found ${given}`);
  if (options.data === undefined) throw new UsageError(`${flag}: expected --data with texts to learn from, found none`);
  const part = given / iterations;
  return { length: healMinutes === undefined ? { epochs: part } : { minutes: part }, rate: healRate, batch };
}
