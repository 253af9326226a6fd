// What models are measured on: the task, the rows, and for each model its tokenizer and labels, read before anything is run.
import { builtinDataset } from '../data/builtin-texts.ts';
import type { ColumnNames } from '../data/columns.ts';
import type { ModelConfig } from '../data/config.ts';
import { firstRows, type Dataset, type Row } from '../data/dataset.ts';
import { openDataset } from '../data/open-dataset.ts';
import type { Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { DataError, UsageError } from '../errors.ts';
import { checkGold, requireColumns, sequenceLimit } from '../evaluate/evaluate.ts';
import { guessTask } from '../evaluate/guess-task.ts';
import type { Pooling } from '../evaluate/pooling.ts';
import { taskNamed } from '../evaluate/registry.ts';
import { checkRoles, fixedShape, rolesByName, type InputRoles } from '../evaluate/roles.ts';
import type { Task, TaskRun } from '../evaluate/task.ts';
import type { Padding } from '../evaluate/window.ts';
import { openBaseline, type BaselineGate } from './baseline.ts';
import type { Gates } from './gates.ts';
import { kitsOfHead, labelsBeside, loadKits, namesOf, type Kit } from './kits.ts';
import type { KnownModel } from './known-model.ts';

export interface DataOptions extends ColumnNames {
  /** Labelled file; without it parity on built-in texts is measured. */
  readonly data?: string | undefined;
  /** Rows that were opened already, in place of `data`. */
  readonly dataset?: Dataset | undefined;
  /** Which list of a JSON file that holds several. */
  readonly split?: string | undefined;
  readonly task?: string | undefined;
  /** Which head of a model that has several. */
  readonly head?: string | undefined;
  /** Measure this many rows, chosen with the seed. */
  readonly samples?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly pooling?: Pooling | undefined;
  readonly seed: number;
}

/** A model as it will be run. */
export interface Entry {
  readonly onnxPath: string;
  /** What messages call it. */
  readonly name?: string;
  readonly roles: InputRoles;
  readonly run: TaskRun;
  readonly padding: Padding;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  /** Names of the labels that `run` counts in. */
  readonly labels: readonly string[];
  /** For each of the labels where its score stands in this model's outputs; absent where in order. */
  readonly columns?: readonly number[];
  /** The output that is read, of a model with several heads. */
  readonly output?: string | undefined;
  readonly pooling: Pooling;
}

export interface Material {
  readonly task: Task;
  readonly dataset: Dataset;
  /** False for the built-in texts. */
  readonly labelled: boolean;
  /** As many as models, in their order. */
  readonly entries: readonly Entry[];
  readonly notes: readonly string[];
}

/** A model folder without a tokenizer: nothing can be measured, and why. */
export interface NoMaterial {
  readonly missing: string;
}

/**
 * Read tokenizers, configurations and data for models, the original first.
 * @throws DataError for data that cannot be used, and for a missing tokenizer where there is data; ModelError for inputs that cannot be fed
 */
export async function prepareMaterial(
  models: readonly KnownModel[],
  options: DataOptions,
): Promise<Material | NoMaterial> {
  const loaded = await loadKits(models).catch((error: unknown): NoMaterial => {
    if (options.data !== undefined || options.dataset || !(error instanceof DataError)) throw error;
    return { missing: error.message };
  });
  if ('missing' in loaded) return loaded;
  const kits = kitsOfHead(loaded, models, options.head, options.data !== undefined);
  const original = kits[0]!;
  const opened = options.data === undefined ? undefined : await openDataset(options.data, options, options);
  const dataset = options.dataset ?? opened;
  const look = dataset && { columns: dataset.columns, rows: await firstRows(dataset, 200) };
  const guess = guessTask(original.config, models[0]!.outputs, look);
  const task = taskNamed(dataset === undefined ? 'feature-extraction' : (options.task ?? guess.task));
  const rows = dataset ?? builtinDataset();
  requireColumns(task, rows);
  const several = look?.rows.some((row) => hasSeveral(row, original.config?.labels ?? [])) ?? false;
  const entries = entriesOf(models, kits, task, rows, { ...options, several });
  await checkGold(rows, entries);
  const guessed = `task ${task.name}, guessed from ${guess.from}: name another with --task`;
  return {
    task,
    dataset: rows,
    labelled: dataset !== undefined,
    entries,
    notes: [...(dataset && options.task === undefined ? [guessed] : []), ...poolingNotes(task, entries)],
  };
}

/** Tasks whose texts become one vector say how. */
function poolingNotes({ name }: Task, entries: readonly Entry[]): string[] {
  if (!['sentence-similarity', 'retrieval', 'feature-extraction'].includes(name)) return [];
  const kinds = [...new Set(entries.map((entry) => entry.pooling))];
  return [`embeddings by pooling ${kinds.join(' and ')}, where a model gives tokens: --pooling names another`];
}

/** What was asked for and cannot be given on this material is refused before the models run. Throws UsageError. */
export function refuseImpossible({ task, dataset, labelled, entries }: Material, asked: Asked): void {
  const { metric, loss } = entries[0]!.run;
  const without = (flag: string, what: string): UsageError =>
    new UsageError(`${flag}: expected ${what}, found ${labelled ? task.name : 'no --data'}: name another with --task`);
  if (asked.gates?.maxDrop && metric === undefined) throw without('--max-drop', 'a task with a metric');
  if (asked.showChanged !== undefined && !(labelled && loss))
    throw without('--show-changed', 'a task that tells examples apart');
  const folds = asked.crossValidate;
  if (folds === undefined) return;
  if (!labelled || metric === undefined) throw without('--cross-validate', 'a task with a metric');
  if (!(folds >= 2 && folds <= dataset.size))
    throw new UsageError(`--cross-validate: expected 2 folds to as many as the ${dataset.size} rows, found ${folds}`);
}

interface Asked {
  readonly gates?: Gates | undefined;
  readonly showChanged?: number | undefined;
  readonly crossValidate?: number | undefined;
}

/** Models whose tokenizers, lengths, labels and pooling are the same share a run: their texts are tokenized once. */
function entriesOf(
  models: readonly KnownModel[],
  kits: readonly Kit[],
  task: Task,
  { path, classes }: Dataset,
  options: DataOptions & { readonly several: boolean },
): Entry[] {
  const runs = new Map<string, TaskRun>();
  const reference = namesOf(kits[0]!.config?.labels ?? [], classes);
  return models.map((model, i) => {
    const { tokenizer, config, output } = kits[i]!;
    const roles = model.roles ?? rolesByName(model.inputs);
    checkRoles(model.inputs, roles);
    const fixed = fixedShape(model.inputs, roles);
    const maxLength = sequenceLimit({ asked: options.maxLength, fixed, config, tokenizer });
    const { labels, columns } = labelsBeside(reference, namesOf(config?.labels ?? [], reference));
    const pooling = options.pooling ?? kits[i]!.pooling ?? 'mean';
    const key = JSON.stringify([tokenizer.fingerprint, maxLength, labels, pooling]);
    const { several, seed } = options;
    const run = runs.get(key) ?? task.begin({ path, tokenizer, maxLength, config, labels, several, pooling, seed });
    runs.set(key, run);
    const padding = { padId: tokenizer.padId, padSide: tokenizer.padSide };
    const { onnxPath } = model.path;
    const name = i === 0 ? {} : { name: onnxPath };
    return {
      onnxPath,
      ...name,
      roles,
      run,
      padding,
      tokenizer,
      config,
      maxLength,
      labels,
      pooling,
      output,
      ...(columns && { columns }),
    };
  });
}

/** A list of labels, or names of the model with a bar between them. */
function hasSeveral({ label = '', labels }: Row, names: readonly string[]): boolean {
  if (labels !== undefined) return true;
  return label.includes('|') && !names.includes(label) && label.split('|').every((name) => names.includes(name.trim()));
}

/** The baseline that models on this material are held against, where one was asked for. Throws UsageError, DataError. */
export async function baselineOf(
  options: {
    readonly baseline?: string | undefined;
    readonly updateBaseline?: boolean | undefined;
    readonly gates?: Gates | undefined;
    readonly seed: number;
  },
  { task, dataset, entries }: Material,
): Promise<BaselineGate | undefined> {
  if (options.baseline === undefined) return undefined;
  const { path, size: rows, total, columns } = dataset;
  const run = { task: task.name, metric: entries[0]!.run.metric, data: { path, rows, total, columns: { ...columns } } };
  const where = { path: options.baseline, update: options.updateBaseline ?? false };
  return openBaseline(where, { ...run, seed: options.seed }, options.gates ?? {});
}
