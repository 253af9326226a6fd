// Which head is trained: the model's own where it fits the labels, else a fresh one.
import { recognise } from '../../bert/recognise.ts';
import type { Output, Recognition } from '../../bert/types.ts';
import type { ModelConfig } from '../../data/config.ts';
import type { Row } from '../../data/dataset.ts';
import { DataError, ModelError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { countLabels, orderLabels } from '../../objectives/label-names.ts';
import type { FitTask } from '../../objectives/fit-task.ts';
import { freshHeads } from '../../passes/head/head.ts';
import type { ReportStep } from '../../report/schema.ts';
import type { KnownModel } from '../known-model.ts';

export interface HeadOptions {
  /** Default: the model's own where it fits. */
  readonly head?: 'keep' | 'fresh' | undefined;
  /** Names of the labels of a fresh head, in the order of their ids; default those of the data. */
  readonly labels?: readonly string[] | undefined;
  readonly pooling?: 'pooler' | 'mean' | 'cls' | undefined;
  readonly seed: number;
}

/** An output that is trained. */
export interface TrainedHead {
  readonly output: string;
  /** Size of the output's last dimension. */
  readonly classes: number;
  /** In the order of their ids; empty for scores and words. */
  readonly labels: readonly string[];
}

export interface HeadChoice extends TrainedHead {
  readonly model: Model;
  readonly recognition: Recognition;
  /** Absent where the model's own head is kept. */
  readonly step?: ReportStep;
  readonly notes: readonly string[];
}

/** The rows that say which labels there are. */
export interface LabelledRows {
  readonly path: string;
  readonly rows: readonly Row[];
  /** The file to judge by, where it is another. */
  readonly dev?: { readonly path: string; readonly rows: readonly Row[] } | undefined;
  /** Names that the file has for its class numbers. */
  readonly classes?: readonly string[] | undefined;
}

/** What outputs are called for each task. */
const kinds: Readonly<Record<FitTask, readonly Output['kind'][]>> = {
  'text-classification': ['logits'],
  'multi-label-classification': ['logits'],
  regression: ['logits'],
  'token-classification': ['token-logits'],
  'sentence-similarity': ['sentence', 'hidden'],
  'fill-mask': ['vocabulary-logits'],
};

/** The output of a model that serves a task. */
export function outputFor(task: FitTask, { head }: Recognition): Output | undefined {
  for (const kind of kinds[task]) {
    const found = head.outputs.find((output) => output.kind === kind);
    if (found) return found;
  }
  return undefined;
}

/**
 * Decide, and put the fresh head on.
 * @throws ModelError where the task needs an output that the model has not and no fresh head can be; DataError for labels that the kept head does not have
 */
export function chooseHead(
  known: KnownModel,
  config: ModelConfig | undefined,
  task: FitTask,
  data: LabelledRows,
  options: HeadOptions,
): HeadChoice {
  const own = outputFor(task, known.recognition);
  if (task === 'sentence-similarity' || task === 'fill-mask') return keptOutput(known, task, own);
  const labels = labelNamesOf(task, data, options);
  const names = own?.size === config?.labels.length ? (config?.labels ?? []) : [];
  if (options.head === 'keep') {
    if (!own) throw new ModelError(`--head keep: expected an output for ${task}, found none: use --head fresh`);
    return { ...base(known), output: own.name, classes: own.size ?? names.length, labels: names, notes: [] };
  }
  const why = options.head === 'fresh' ? 'as asked' : whyFresh(own, names, labels, task, data);
  if (why === undefined)
    return {
      ...base(known),
      output: own!.name,
      classes: own!.size!,
      labels: names,
      notes: [`the model's own head is trained: output ${own!.name}, ${own!.size} labels`],
    };
  return withFreshHead(known, task, labels, why, options);
}

function base({ model, recognition }: KnownModel): Pick<HeadChoice, 'model' | 'recognition'> {
  return { model, recognition };
}

function keptOutput(known: KnownModel, task: FitTask, own: Output | undefined): HeadChoice {
  if (!own)
    throw new ModelError(
      `${known.path.onnxPath}: expected an output ${task === 'fill-mask' ? 'with a score for each word of the vocabulary' : 'with hidden states or sentence embeddings'} for ${task}, found ${known.outputs.map(({ name }) => name).join(', ')}`,
    );
  return { ...base(known), output: own.name, classes: own.size ?? 0, labels: [], notes: [] };
}

/** Names of the data's labels in order; 'score' where there are none to tell apart. Throws DataError. */
export function labelNamesOf(task: FitTask, data: LabelledRows, options: HeadOptions): readonly string[] {
  return task === 'regression' ? ['score'] : labelsOf(task, data, options);
}

/** Names of the data's labels in order; those that were given, where there are such. */
function labelsOf(
  task: FitTask,
  { path, rows, dev, classes }: LabelledRows,
  { labels }: HeadOptions,
): readonly string[] {
  const judged = dev ? countLabels(task, dev.rows, dev.path).keys() : [];
  const found = orderLabels(new Set([...countLabels(task, rows, path).keys(), ...judged]), classes);
  if (labels !== undefined) return labels;
  if (found.length < 2 && task !== 'multi-label-classification')
    throw new DataError(
      `${path}: expected at least two labels to tell apart, found ${found.map((name) => `'${name}'`).join(', ') || 'none'}`,
    );
  if (found.length === 0) throw new DataError(`${path}: expected labels, found none`);
  return found;
}

/** Why the model's own head does not do, or undefined where it does. Throws DataError for a label that may be misspelt. */
export function whyFresh(
  own: Output | undefined,
  names: readonly string[],
  labels: readonly string[],
  task: FitTask,
  { path, rows, dev }: LabelledRows,
): string | undefined {
  if (!own?.size) return 'the model has no head for the task';
  if (task === 'regression') return own.size === 1 ? undefined : `the model's head has ${own.size} outputs`;
  if (task === 'text-classification' && own.size === 1) return "the model's head has one output";
  const known = (label: string): boolean =>
    names.some((name) => name.toLowerCase() === label.toLowerCase()) ||
    (/^\d+(\.0+)?$/.test(label) && Number(label) < own.size!);
  const strange = labels.filter((label) => !known(label));
  if (strange.length === 0) return undefined;
  const generic = names.every((name) => /^LABEL_\d+$/.test(name));
  if (generic || strange.length === labels.length)
    return `the model's head has other labels (${names.slice(0, 4).join(', ') || own.size})`;
  const has = (row: Row): boolean =>
    row.label === strange[0] || row.labels?.includes(strange[0]!) === true || row.tags?.includes(strange[0]!) === true;
  const first = rows.find(has);
  const line = (first ?? dev?.rows.find(has))?.line;
  throw new DataError(
    `${first || !dev ? path : dev.path}${line === undefined ? '' : ` line ${line}`}: expected one of the model's labels ${names.slice(0, 8).join(', ')}, found '${strange[0]}': --head fresh trains a head for the labels of the data`,
  );
}

function withFreshHead(
  known: KnownModel,
  task: FitTask,
  labels: readonly string[],
  why: string,
  options: HeadOptions,
): HeadChoice {
  return {
    ...putHeads(known, [{ task, labels: labels.length }], options),
    output: 'logits',
    classes: labels.length,
    labels,
    notes: [`a fresh head is trained: ${why}; labels ${listed(labels)}`],
  };
}

/** The first names of a list. */
export function listed(labels: readonly string[]): string {
  return `${labels.slice(0, 8).join(', ')}${labels.length > 8 ? ' …' : ''}`;
}

/** The model with fresh heads in place of its outputs; names of outputs and weights are those of a single head by default. */
export function putHeads(
  { model }: KnownModel,
  heads: readonly { task: FitTask; labels: number; output?: string; weights?: string }[],
  { pooling, seed }: HeadOptions,
): Pick<HeadChoice, 'model' | 'recognition'> & { readonly step: ReportStep } {
  const started = performance.now();
  const given = heads.map(({ task, ...head }) => ({
    ...head,
    per: task === 'token-classification' ? 'token' : 'text',
  }));
  const options = freshHeads.options.parse({ heads: given, pooling, seed });
  const {
    model: made,
    stats,
    changed,
    skipped,
  } = freshHeads.run(model, options, { log: () => {}, progress: () => {} });
  const step = {
    pass: freshHeads.name,
    options,
    changed,
    stats,
    skipped: [...skipped],
    seconds: (performance.now() - started) / 1000,
  };
  return { model: made, recognition: recognise(made), step };
}
