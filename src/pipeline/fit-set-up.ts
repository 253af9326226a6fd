// All that is known before the first step: model, head, weights, rows, goal.
import { loadConfig, loadPooling, type ModelConfig } from '../data/config.ts';
import { firstRows, type Row } from '../data/dataset.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { sequenceLimit } from '../evaluate/evaluate.ts';
import type { Feeding } from '../objectives/batch-source.ts';
import { guessFitTask, type FitTask } from '../objectives/fit-task.ts';
import type { Goal, Sample } from '../objectives/goal.ts';
import { trainableWeights, type Trainable } from '../passes/head/trainable.ts';
import { feedingOf } from './feeding.ts';
import { LOOK, openFitData, readFitData, type FitData, type FitDataOptions } from './fit-data.ts';
import { devSetOf } from './fit-dev.ts';
import { prepareGoal, type GoalOptions } from './fit-goal.ts';
import { chooseHead, outputFor, type HeadChoice, type HeadOptions } from './fit-head.ts';
import { readKnownModel, type KnownModel } from './known-model.ts';
import type { DevSet } from './training.ts';

export interface SetUpOptions extends FitDataOptions, HeadOptions, GoalOptions {
  readonly model: string;
  readonly task?: FitTask | undefined;
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
  readonly task: FitTask;
  readonly data: FitData;
  readonly choice: HeadChoice;
  readonly trainable: Trainable;
  readonly goal: Goal;
  readonly samples: readonly Sample[];
  readonly feeding: Feeding;
  readonly dev: DevSet | undefined;
  readonly kit: Kit;
  readonly maxLength: number;
  readonly notes: readonly string[];
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
  const dataset = await openFitData(options);
  const look = { path: dataset.path, columns: dataset.columns, rows: await firstRows(dataset, LOOK) };
  const { task, from } = options.task
    ? { task: options.task, from: undefined }
    : guessFitTask({ ...look, config: kit.config, ...outputsOf(known) });
  const data = await readFitData(dataset, options, classesOf(task));
  const rows = { path: dataset.path, rows: [...data.train, ...data.devRows], classes: dataset.classes };
  const weights = { freeze: options.freeze, embeddings: options.trainEmbeddings };
  trainableWeights(known.model, known.recognition, { ...weights, freeze: [] }); // before a head is put on what cannot be trained
  const choice = chooseHead(known, kit.config, task, rows, { ...options, pooling: options.pooling ?? kit.headPooling });
  const trainable = trainableWeights(choice.model, choice.recognition, weights);
  const feeding = feedingOf(known, kit.tokenizer);
  const { tokenizer, config, pooling } = kit;
  const maxLength = sequenceLimit({ asked: options.maxLength, fixed: feeding.fixed, config, tokenizer });
  const { train, devRows } = data;
  const material = { path: dataset.path, tokenizer, maxLength, pooling, train, dev: devRows };
  const prepared = prepareGoal(task, choice, material, options);
  const { roles } = feeding;
  const { batch, seed } = options;
  const judging = { tokenizer, config, labels: choice.labels, maxLength, pooling, roles, batch, seed };
  const dev = data.dev && (await devSetOf(task, prepared.goal, data.dev, judging));
  const guessed = from === undefined ? [] : [`task ${task}, guessed from ${from}: name another with --task`];
  const notes = [...guessed, ...data.notes, ...choice.notes, ...prepared.notes];
  return { known, task, data, choice, trainable, ...prepared, feeding, dev, kit, maxLength, notes };
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

function outputsOf({ recognition }: KnownModel): { readonly classes: boolean; readonly vocabulary: boolean } {
  return {
    classes: outputFor('text-classification', recognition) !== undefined,
    vocabulary: outputFor('fill-mask', recognition) !== undefined,
  };
}

/** What the split spreads evenly. */
function classesOf(task: FitTask): (row: Row) => string {
  const classes = task === 'text-classification' || task === 'multi-label-classification';
  return ({ label }) => (classes ? (label ?? '') : '');
}
