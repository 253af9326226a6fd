// All that is known before the first step: model, heads, weights, rows, goals.
import { loadConfig, loadPooling, type ModelConfig } from '../../data/config.ts';
import { loadTokenizer, type Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { sequenceLimit } from '../../evaluate/evaluate.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import type { FitTask } from '../../objectives/fit-task.ts';
import type { Goal, Sample } from '../../objectives/goal.ts';
import { trainableWeights, type Trainable } from '../../passes/head/trainable.ts';
import { feedingOf } from '../learn/feeding.ts';
import { devSetOf } from './dev.ts';
import { prepareGoal, type GoalOptions } from './goal.ts';
import { chooseHead, type HeadChoice, type HeadOptions } from './head.ts';
import { chooseHeads } from './heads.ts';
import { readFitRows, type FitReadOptions, type FitRows, type FitSource } from './read.ts';
import { refuseUnused } from './unused.ts';
import { readKnownModel, type KnownModel } from '../known-model.ts';
import type { DevSet } from '../learn/training.ts';

export interface SetUpOptions extends FitReadOptions, HeadOptions, GoalOptions {
  readonly model: string;
  /** One without a name, or one or more with names and heads of their own. */
  readonly sources: readonly FitSource[];
  /** Most tokens of a text. */
  readonly maxLength?: number | undefined;
  /** Weights that stay, by name or path, with *. */
  readonly freeze?: readonly string[] | undefined;
  readonly trainEmbeddings?: boolean | undefined;
  /** Rows a step. */
  readonly batch: number;
}

export interface FitSetUp {
  readonly known: KnownModel;
  /** At least one; all on the same model. */
  readonly parts: readonly FitPart[];
  readonly trainable: Trainable;
  readonly feeding: Feeding;
  readonly kit: Kit;
  readonly maxLength: number;
  readonly notes: readonly string[];
}

/** A file with its head. */
export interface FitPart {
  /** Where the head has a name of its own. */
  readonly name: string | undefined;
  readonly source: FitSource;
  readonly task: FitTask;
  readonly choice: HeadChoice;
  readonly goal: Goal;
  readonly samples: readonly Sample[];
  readonly dev: DevSet | undefined;
}

/** What a model folder brings beside the model. */
export interface Kit {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  /** From tokens to a text's embedding. */
  readonly pooling: 'mean' | 'cls';
}

/** Throws UsageError, ModelError, DataError. */
export async function setUpFit(options: SetUpOptions): Promise<FitSetUp> {
  const known = readKnownModel(options.model);
  const kit = await kitOf(known, options);
  const read: FitRows[] = [];
  for (const source of options.sources) read.push(await readFitRows(source, known, kit.config, options));
  refuseUnused(
    read.map(({ task }) => task),
    options,
  );
  const weights = { freeze: options.freeze, embeddings: options.trainEmbeddings };
  trainableWeights(known.model, known.recognition, { ...weights, freeze: [] }); // before a head is put on what cannot be trained
  const choices = choose(known, kit.config, read, { ...options, pooling: options.pooling ?? kit.headPooling });
  const [{ model, recognition }] = choices as [HeadChoice];
  const trainable = trainableWeights(model, recognition, weights);
  const feeding = feedingOf(known, kit.tokenizer);
  const { config, tokenizer } = kit;
  const maxLength = sequenceLimit({ asked: options.maxLength, fixed: feeding.fixed, config, tokenizer });
  const parts: FitPart[] = [];
  const notes: string[] = [];
  for (const [i, rows] of read.entries()) {
    const made = await partOf(rows, choices[i]!, { kit, feeding, maxLength }, options);
    parts.push(made);
    const { name } = made;
    const said = [...rows.notes, ...choices[i]!.notes, ...made.notes];
    notes.push(...said.map((note) => (name === undefined ? note : `${name}: ${note}`)));
  }
  return { known, parts, trainable, feeding, kit, maxLength, notes };
}

function choose(
  known: KnownModel,
  config: ModelConfig | undefined,
  read: readonly FitRows[],
  options: HeadOptions,
): HeadChoice[] {
  const tasks = read.map(({ source, task, data: { dataset, train, devRows } }) => {
    const { dev } = source;
    const rows = dev === undefined ? [...train, ...devRows] : train;
    const judged = dev === undefined ? undefined : { path: dev, rows: devRows };
    const data = { path: dataset.path, rows, dev: judged, classes: dataset.classes };
    return { name: source.name ?? '', task, data };
  });
  const [only] = tasks as [(typeof tasks)[number]];
  return only.name === ''
    ? [chooseHead(known, config, only.task, only.data, options)]
    : chooseHeads(known, config, tasks, options);
}

async function partOf(
  { source, task, data }: FitRows,
  choice: HeadChoice,
  { kit, feeding, maxLength }: Pick<FitSetUp, 'kit' | 'feeding' | 'maxLength'>,
  options: SetUpOptions,
): Promise<FitPart & { readonly notes: readonly string[] }> {
  const { tokenizer, config, pooling } = kit;
  const { name } = source;
  const { train, devRows, dataset } = data;
  const suffix = name === undefined ? '' : `_${name}`;
  const material = { path: dataset.path, tokenizer, maxLength, pooling, train, dev: devRows, suffix };
  const prepared = prepareGoal(task, choice, material, options);
  const { batch, seed } = options;
  const judging = { tokenizer, config, labels: choice.labels, maxLength, pooling, roles: feeding.roles, batch, seed };
  const found = data.dev && (await devSetOf(task, prepared.goal, data.dev, judging));
  const dev = found && name !== undefined ? { ...found, name, output: choice.output } : found;
  return { name, source, task, choice, dev, ...prepared };
}

/** A pooling of sentence-transformers' files holds for a fresh head too. */
async function kitOf(
  { path }: KnownModel,
  { pooling }: SetUpOptions,
): Promise<Kit & { readonly headPooling: 'mean' | 'cls' | undefined }> {
  const [tokenizer, config, own] = await Promise.all([
    loadTokenizer(path.folder),
    loadConfig(path.folder),
    loadPooling(path.folder),
  ]);
  const asked = pooling === 'pooler' ? undefined : pooling;
  return { tokenizer, config, pooling: asked ?? own ?? 'mean', headPooling: own };
}
