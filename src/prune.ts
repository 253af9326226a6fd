// `prune` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import type { Shape } from './evaluate/latency.ts';
import { healingOf, type HealingOptions, type MakingOptions } from './making-options.ts';
import { measuringOf, type JudgingOptions } from './measuring-options.ts';
import type { FitTask } from './objectives/fit-task.ts';
import type { Budget } from './passes/prune/keep-plan.ts';
import type { Events } from './pipeline/events.ts';
import { parseFactor, parseSize } from './pipeline/gates.ts';
import { pruneModel, type Making } from './pipeline/prune/prune.ts';
import { heal, type HealOptions } from './pipeline/prune/heal.ts';
import { dropLayers, type DropChoice } from './pipeline/prune/layers.ts';
import type { Importance } from './pipeline/prune/importance.ts';
import { tune } from './pipeline/prune/tune.ts';
import { narrowTo, type Work } from './pipeline/prune/works.ts';
import type { Report } from './report/schema.ts';
import { gradually, sparsityOf, type SparsityOptions } from './sparsity-options.ts';

/** Options of `prune`; each is the flag of the same name. */
export interface PruneOptions extends SparsityOptions, HealingOptions, MakingOptions, Omit<JudgingOptions, 'maxSize'> {
  /** Share of the layers' multiply-adds to keep; several make a model each. */
  readonly keepMacs?: number | readonly number[] | undefined;
  /** Most bytes of the file: `50MB`. */
  readonly maxSize?: string | undefined;
  /** `1.6x` at `speedupAt`. */
  readonly speedup?: string | undefined;
  /** Default 8 texts of 128 tokens. */
  readonly speedupAt?: Shape | undefined;
  /** Layers to drop first: how many, those without which the answers change least, or which, counted from 0. */
  readonly dropLayers?: DropChoice | undefined;
  /** Average dropped layers into their neighbours. */
  readonly mergeLayers?: boolean | undefined;
  /** What decides which heads and neurons stay. */
  readonly by?: Importance | undefined;
  /** Take the loss of the labels, not of the model's own predictions; default false. */
  readonly useLabels?: boolean | undefined;
  /** Fit what stays to the original where there is data; default true. */
  readonly tune?: boolean | undefined;
  /** Tokens of a text that multiply-adds are counted at; default 128. */
  readonly macsAt?: number | undefined;

  /** Files of texts: tokens that these never need leave the model. Alone, or before a budget. */
  readonly vocabulary?: readonly string[] | undefined;
  /** A file with a token a line, or tokens with commas between. */
  readonly keepTokens?: string | undefined;
  /** Least count of a token of the corpus; default 1. */
  readonly minCount?: number | undefined;
  /** Single characters that stay: all (default), or those of the corpus. */
  readonly characters?: 'all' | 'corpus' | undefined;

  /** Prune in this many steps with healing between; default 1. */
  readonly iterations?: number | undefined;

  /** Default guessed from the data and the model. */
  readonly task?: FitTask | undefined;
  /** Rows of `data` that the choice looks at, taken with the seed; default 2,048. */
  readonly samples?: number | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;
}

/**
 * Prune a model file or folder, measure what it cost and judge it by the gates.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export async function prune(model: string, options: PruneOptions = {}, events?: Events): Promise<Report> {
  const { maxSize: _budget, ...rest } = options;
  const { vocabulary, keepTokens, minCount, characters } = options;
  refuseWithoutCorpus(options);
  return pruneModel(
    {
      ...measuringOf(rest),
      model,
      vocabulary: vocabulary && { vocabulary, keepTokens, minCount, characters },
      samples: readOf(options),
      macsAt: options.macsAt ?? MACS_AT,
      makings: makingsOf(options),
    },
    events,
  );
}

function refuseWithoutCorpus({ vocabulary, keepTokens, minCount, characters }: PruneOptions): void {
  if (vocabulary?.length === 0) throw new UsageError('--vocabulary: expected files of texts, found none');
  const given = Object.entries({ 'keep-tokens': keepTokens, 'min-count': minCount, characters });
  const flag = given.find(([, value]) => value !== undefined)?.[0];
  if (flag !== undefined && vocabulary === undefined)
    throw new UsageError(`--${flag}: expected --vocabulary with it, found none`);
}

/** Rows that the choice looks at; tokens of a text that multiply-adds are counted at. */
const [SAMPLES, MACS_AT] = [2048, 128];

/** Healing learns from all rows, and rows to judge by are a share of all; else no more are read than the choice looks at. */
function readOf({ dev, healMinutes, healEpochs, samples = SAMPLES }: PruneOptions): number | undefined {
  return dev === undefined || healMinutes !== undefined || healEpochs !== undefined ? undefined : samples;
}

function makingsOf(options: PruneOptions): Making[] {
  const budgets = budgetsOf(options);
  const { dropLayers: dropped, mergeLayers: merge = false, vocabulary } = options;
  const sparse = sparsityOf(options);
  if (budgets.length === 0 && dropped === undefined && vocabulary === undefined && sparse.length === 0)
    throw new UsageError(
      'prune: expected a budget such as --keep-macs 0.6, --max-size 50MB, --drop-layers 2, --vocabulary or --sparsity 0.8, found none',
    );
  if (merge && dropped === undefined)
    throw new UsageError('--merge-layers: expected --drop-layers to say how many or which, found none');
  const first = dropped === undefined ? [] : [dropLayers(dropped, merge)];
  const healing = healingOf(options, options.iterations);
  const after = healing ? [heal(healing)] : [];
  const last = options.gradual === true ? gradually(options, healing) : [...sparse, ...after];
  if (budgets.length === 0) return [{ suffix: '', works: [...first, ...last] }];
  return budgets.map((budget) => ({
    suffix: budget.kind === 'macs' ? String(budget.keep) : '',
    works: [...first, ...narrowing(budget, options, healing, last)],
  }));
}

/** In several steps the share that is kept falls by equal parts, with healing after each and `last` after the last. */
function narrowing(
  budget: Budget,
  options: PruneOptions,
  healing: HealOptions | undefined,
  last: readonly Work[],
): Work[] {
  const { data, macsAt: sequence = MACS_AT, samples = SAMPLES, iterations = 1, useLabels: labels } = options;
  const by = options.by ?? (data === undefined ? 'magnitude' : 'fisher');
  const fitting = data !== undefined && options.tune !== false ? [tune()] : [];
  if (iterations > 1 && !healing)
    throw new UsageError('--iterations: expected healing between them, found neither --heal-minutes nor --heal-epochs');
  if (iterations > 1 && budget.kind !== 'macs')
    throw new UsageError('--iterations: expected --keep-macs, found another budget');
  return Array.from({ length: iterations }, (_, i) => (i + 1) / iterations).flatMap((part) => {
    const own = budget.kind === 'macs' ? { ...budget, keep: 1 - (1 - budget.keep) * part } : budget;
    const after = part === 1 ? last : healing ? [heal(healing)] : [];
    return [narrowTo(own, { by, sequence, samples, labels }), ...fitting, ...after];
  });
}

function budgetsOf({ keepMacs, maxSize, speedup, speedupAt }: PruneOptions): Budget[] {
  const given = Object.entries({ '--keep-macs': keepMacs, '--max-size': maxSize, '--speedup': speedup });
  const named = given.filter(([, value]) => value !== undefined).map(([name]) => name);
  if (named.length > 1) throw new UsageError(`prune: expected one budget, found ${named.join(' and ')}`);
  if (maxSize !== undefined) return [{ kind: 'bytes', most: parseSize(maxSize) }];
  if (speedup !== undefined) {
    const times = parseFactor(speedup, '--speedup');
    if (!(times > 1)) throw new UsageError(`--speedup: expected a factor above 1, found ${speedup}`);
    return [{ kind: 'speedup', at: speedupAt ?? { batch: 8, sequence: 128 }, times }];
  }
  const shares = keepMacs === undefined ? [] : [keepMacs].flat();
  const wrong = shares.find((share) => !(share > 0 && share < 1));
  if (wrong !== undefined) throw new UsageError(`--keep-macs: expected shares between 0 and 1, found ${wrong}`);
  const twice = shares.find((share, i) => shares.indexOf(share) !== i);
  if (twice !== undefined) throw new UsageError(`--keep-macs: expected each share once, found ${twice} twice`);
  return shares.map((keep) => ({ kind: 'macs', keep }));
}
