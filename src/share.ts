// `share` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import { healingOf, type HealingOptions, type MakingOptions } from './making-options.ts';
import { measuringOf, type JudgingOptions } from './measuring-options.ts';
import type { FitTask } from './objectives/fit-task.ts';
import type { Events } from './pipeline/events.ts';
import { parseSize } from './pipeline/gates.ts';
import { pruneModel } from './pipeline/prune/prune.ts';
import { heal } from './pipeline/prune/heal.ts';
import type { Work } from './pipeline/prune/works.ts';
import { acrossLayers, coded, exactly, factorised, type Factorisation } from './pipeline/share/works.ts';
import type { Report } from './report/schema.ts';

/** Options of `share`; each is the flag of the same name. */
export interface ShareOptions extends HealingOptions, MakingOptions, JudgingOptions {
  /** Only tensors of the same content: outputs stay the same bit by bit. */
  readonly exact?: boolean | undefined;
  /** Layers that share: `0-1,2-3`, `0+3`, `neighbours:3` or `auto`. */
  readonly groups?: string | undefined;
  /** Share of the layers' parameters that stays; groups are chosen for it. */
  readonly keepParameters?: number | undefined;
  /** What of them; default all. */
  readonly parts?: 'attention' | 'ffn' | 'all' | undefined;
  /** One set of weights for a group, or one basis that each layer's own weights are products with; default weights where groups are named, else a basis. */
  readonly form?: 'weights' | 'basis' | undefined;
  /** Where shared weights start; default mean. */
  readonly start?: 'mean' | 'first' | 'last' | undefined;
  /** Rank of what each layer of a group keeps of its own beside shared weights. */
  readonly residualRank?: number | undefined;
  /** `embeddings:128`, `dense:0.5`, or `95%` of the squares for either. */
  readonly factorise?: readonly string[] | undefined;
  /** Numbers of a codebook: 256 or 16. */
  readonly codebook?: 256 | 16 | undefined;

  /** Default guessed from the data and the model. */
  readonly task?: FitTask | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;
}

/**
 * Store one set of weights where there were many, measure what it cost and judge it by the gates.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export function share(model: string, options: ShareOptions = {}, events?: Events): Promise<Report> {
  return pruneModel(
    {
      ...measuringOf(options),
      model,
      verb: {
        command: 'share',
        folder: 'shared',
        nothing: 'share: expected something to share, found no two weights that are one',
      },
      macsAt: 128,
      makings: [{ suffix: 'shared', works: worksOf(options) }],
    },
    events,
  );
}

/** Layers first: what they share is then factorised or coded once. Healing comes before codes, which are not trained. */
function worksOf(options: ShareOptions): Work[] {
  const { keepParameters: keep, parts = 'all', start = 'mean', residualRank, codebook } = options;
  const most = budgetOf(options);
  const budget = keep ?? most ?? options.form;
  const groups = options.groups ?? (budget === undefined ? undefined : 'auto');
  const form = options.form ?? (options.groups === undefined ? 'basis' : 'weights');
  refuseUnused(options, groups, form);
  return [
    exactly(),
    ...(groups === undefined ? [] : [acrossLayers({ groups, form, keep, most, parts, start, residualRank })]),
    ...(options.factorise === undefined ? [] : [factorised(ranksOf(options.factorise))]),
    ...healing(options),
    ...(codebook === undefined ? [] : [coded(codebook)]),
  ];
}

/** Bytes that sharing is to get to, where a size is given and nothing that says how it is reached. */
function budgetOf({
  maxSize,
  exact,
  groups = 'auto',
  keepParameters,
  factorise,
  codebook,
}: ShareOptions): number | undefined {
  const said = exact === true || groups !== 'auto' || (keepParameters ?? factorise ?? codebook) !== undefined;
  return maxSize === undefined || said ? undefined : parseSize(maxSize);
}

/** Options that contradict each other or that nothing has a use for. Throws UsageError. */
function refuseUnused(options: ShareOptions, groups: string | undefined, form: 'weights' | 'basis'): void {
  const { exact, keepParameters: keep, start, residualRank, factorise, codebook, healMinutes, healEpochs } = options;
  const lossy = groups !== undefined || factorise !== undefined || codebook !== undefined;
  if (exact && lossy)
    throw new UsageError('--exact: expected it alone, found --groups, --factorise or --codebook, which change outputs');
  if (!exact && !lossy)
    throw new UsageError(
      'share: expected --exact, --keep-parameters, --max-size, --groups, --factorise or --codebook, found none of them',
    );
  if (keep !== undefined && !(keep > 0 && keep < 1))
    throw new UsageError(`--keep-parameters: expected a share between 0 and 1, found ${keep}`);
  if (keep !== undefined && groups !== 'auto' && form === 'weights')
    throw new UsageError(`--keep-parameters: expected --groups auto or --form basis, found --groups ${groups}`);
  const ofWeights = { '--start': start, '--residual-rank': residualRank };
  const [unused] = given({ '--parts': options.parts, ...ofWeights });
  if (groups === undefined && unused !== undefined) throw new UsageError(`${unused}: expected --groups, found none`);
  const [own] = given(ofWeights);
  if (form === 'basis' && own !== undefined)
    throw new UsageError(`${own}: expected --form weights, found a basis, which has none`);
  if (groups === undefined && factorise === undefined && (healMinutes ?? healEpochs) !== undefined)
    throw new UsageError('healing: expected --groups or --factorise, found nothing that training can heal');
}

function given(flags: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(flags).filter((flag) => flags[flag] !== undefined);
}

/** `embeddings:128`, `dense:0.5`, or `95%` of the squares for either. Throws UsageError. */
function ranksOf(texts: readonly string[]): Factorisation {
  const found: { -readonly [K in keyof Factorisation]: Factorisation[K] } = {};
  for (const text of texts) {
    const [, part, number, percent] = /^(embeddings|dense):(\d*\.?\d+)(%?)$/.exec(text) ?? [];
    const value = Number(number);
    const fits = percent ? value > 0 && value < 100 : part === 'embeddings' ? Number.isInteger(value) && value > 0 : value > 0 && value < 1; // prettier-ignore
    if (part === undefined || !fits)
      throw new UsageError(
        `--factorise: expected embeddings:RANK such as embeddings:128, dense:SHARE such as dense:0.5, or a share of the squares such as dense:95%, found '${text}'`,
      );
    found[part as keyof Factorisation] = percent ? { energy: value / 100 } : value;
  }
  return found;
}

function healing(options: ShareOptions): Work[] {
  const found = healingOf(options);
  // the two halves of a table learn; a whole table stays as it is, as in distill
  const trainEmbeddings = options.factorise?.some((text) => text.startsWith('embeddings:'));
  return found ? [heal({ ...found, trainEmbeddings })] : [];
}
