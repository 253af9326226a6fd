// The rows of a distillation: texts to learn from, what their labels say where they have some, rows to judge by.
import type { ModelConfig } from '../../data/config.ts';
import { firstRows, type Dataset, type Row } from '../../data/dataset.ts';
import { openDataset } from '../../data/open-dataset.ts';
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { UsageError } from '../../errors.ts';
import type { Text } from '../../objectives/augment.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import { guessFitTask, type FitTask } from '../../objectives/fit-task.ts';
import type { Goal, Sample } from '../../objectives/goal.ts';
import { LOOK, openFitData, readFitData, type FitData, type FitDataOptions } from '../fit/data.ts';
import { devSetOf } from '../fit/dev.ts';
import { prepareGoal, type PreparedGoal } from '../fit/goal.ts';
import { chooseHead, type HeadChoice } from '../fit/head.ts';
import type { KnownModel } from '../known-model.ts';
import type { DevSet } from '../learn/training.ts';

export interface RowOptions extends Omit<FitDataOptions, 'task'> {
  readonly task?: FitTask | undefined;
}

/** What the rows are read for. */
export interface Reader {
  readonly student: KnownModel;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  /** Whether the teacher has class scores. */
  readonly scores: boolean;
  /** Whether they are places in a text: then the question stands before it. */
  readonly spans: boolean;
  readonly pooling: 'mean' | 'cls';
  readonly feeding: Feeding;
}

/** A text, or pair, and what its label says. */
export type DistillSample = Sample<{ readonly row: number; readonly label: unknown }>;

export interface DistillRows {
  readonly data: FitData;
  readonly samples: readonly DistillSample[];
  /** What each sample is of. */
  readonly texts: readonly Text[];
  /** What the labels of the rows say; undefined without labels that the teacher's head has. */
  readonly goal: Goal | undefined;
  readonly dev: DevSet | undefined;
  /** Several labels a text. */
  readonly binary: boolean;
  readonly notes: readonly string[];
}

/** Throws UsageError, DataError. */
export async function readDistillRows(reader: Reader, options: RowOptions): Promise<DistillRows> {
  const { scores, student, tokenizer, config, maxLength, pooling, feeding } = reader;
  const dataset = await openFitData(options);
  const learned = await taskOf(dataset, reader, options.task);
  // a share of rows without labels is nothing to judge by
  const data = await readFitData(dataset, learned ? options : { ...options, split: 0 }, ({ label }) => label ?? '');
  const { train, devRows } = data;
  const judged = options.dev === undefined ? learned : await taskOf(await openDev(options), reader, options.task);
  const classes = [learned, judged].find((task) => scores && task !== undefined && !plain.has(task));
  const rows = { path: dataset.path, rows: [...train, ...devRows], classes: dataset.classes };
  const head = classes && keptHead(student, config, classes, rows, options.seed);
  const material = { path: dataset.path, tokenizer, maxLength, pooling, train, dev: devRows };
  const prepared = head && learned === classes ? prepareGoal(classes!, head, material, {}) : undefined;
  const judging = {
    tokenizer,
    config,
    labels: head?.labels ?? [],
    maxLength,
    pooling,
    roles: feeding.roles,
    batch: 32,
  };
  const measured =
    judged !== undefined && (judged === classes || judged === 'sentence-similarity') ? judged : undefined;
  const dev =
    data.dev &&
    measured &&
    (await devSetOf(measured, measuredBy(measured, prepared), data.dev, { ...judging, seed: options.seed }));
  const texts = prepared ? train : textsOf(train, reader);
  return {
    data,
    texts,
    samples: numbered(prepared?.samples ?? texts.map((text) => sampleOf(text, reader))),
    goal: prepared?.goal,
    dev,
    binary: classes === 'multi-label-classification' || config?.problemType === 'multi_label_classification',
    notes: [...data.notes, ...(prepared?.notes ?? [])],
  };
}

/** Tasks that no head with class scores of texts is for. */
const plain: ReadonlySet<FitTask> = new Set(['fill-mask', 'sentence-similarity']);

/** Task of a file that has labels. */
async function taskOf(
  dataset: Dataset,
  { scores, config }: Reader,
  asked: FitTask | undefined,
): Promise<FitTask | undefined> {
  const { path, columns } = dataset;
  if (columns.label === undefined && columns.tags === undefined) return undefined;
  if (asked !== undefined) return asked;
  if (!scores) return columns.textPair === undefined ? undefined : 'sentence-similarity';
  const rows = await firstRows(dataset, LOOK);
  return guessFitTask({ path, columns, rows, config, classes: true, vocabulary: false }).task;
}

function openDev({ dev, text, textPair, label, tags }: RowOptions): Promise<Dataset> {
  return openDataset(dev!, { text, textPair, label, tags });
}

/** The evaluation's name of a task. */
function measuredBy(task: FitTask, prepared: PreparedGoal | undefined): Pick<Goal, 'task'> {
  const classification = task === 'multi-label-classification' || task === 'regression';
  return prepared?.goal ?? { task: classification ? 'text-classification' : task };
}

/** The teacher's head is the student's, so labels that it lacks are an error. */
function keptHead(
  student: KnownModel,
  config: ModelConfig | undefined,
  task: FitTask,
  rows: Parameters<typeof chooseHead>[3],
  seed: number,
): HeadChoice {
  const heads = student.recognition.head.outputs.filter(({ kind }) => /^(token-)?logits$/.test(kind));
  if (heads.length > 1)
    throw new UsageError(
      `${rows.path}: expected texts without labels for a model with ${heads.length} heads (${heads.map(({ name }) => name).join(', ')}), whose head the labels are of is not known, found labels`,
    );
  const choice = chooseHead(student, config, task, rows, { seed });
  if (choice.step)
    throw new UsageError(
      `${rows.path}: expected the teacher's labels, found others: ${choice.notes.join('; ') || choice.labels.slice(0, 8).join(', ')}`,
    );
  return choice;
}

/** A classifier reads pairs, a question before its text; an encoder embeds each text for itself. */
export function textsOf(rows: readonly Row[], { scores, spans }: Pick<Reader, 'scores' | 'spans'>): readonly Text[] {
  if (spans) return rows.map((row) => (row.textPair === undefined ? row : { text: row.textPair, textPair: row.text }));
  if (scores) return rows;
  const each = rows.flatMap(({ text, textPair }) => (textPair === undefined ? [text] : [text, textPair]));
  return [...new Set(each)].map((text) => ({ text }));
}

/** Without a target: what it learns is what the teacher says. */
export function sampleOf(
  { text, textPair }: Text,
  { tokenizer, maxLength }: Pick<Reader, 'tokenizer' | 'maxLength'>,
): Sample {
  return { sequences: [tokenizer.encode(text, textPair, maxLength)], target: undefined };
}

function numbered(samples: readonly Sample[]): DistillSample[] {
  return samples.map(({ sequences, target }, row) => ({ sequences, target: { row, label: target } }));
}
