// What a model can be trained for, by name, and the guess where nothing is said.
import type { ModelConfig } from '../data/config.ts';
import type { Row, ShownColumns } from '../data/dataset.ts';
import { DataError } from '../errors.ts';

export const fitTasks = [
  'text-classification',
  'multi-label-classification',
  'token-classification',
  'regression',
  'sentence-similarity',
  'fill-mask',
] as const;
export type FitTask = (typeof fitTasks)[number];

/** What the guess looks at. */
export interface FitLook {
  readonly path: string;
  readonly columns: ShownColumns;
  /** The first rows. */
  readonly rows: readonly Row[];
  readonly config: ModelConfig | undefined;
  /** Whether an output of the model has scores of classes, or of the vocabulary. */
  readonly classes: boolean;
  readonly vocabulary: boolean;
}

/**
 * The task of the data: tags are for token classification; text alone for filling masks; lists of labels, and labels with |
 * between them, are several a text; pairs with numbers that are not whole are for similarity where the model has no classes; other such numbers
 * are for regression; everything else is one class a text.
 * @throws DataError where rows have neither labels nor a model that fills masks
 */
export function guessFitTask({ path, columns, rows, config, classes, vocabulary }: FitLook): {
  readonly task: FitTask;
  readonly from: string;
} {
  if (columns.tags !== undefined) return { task: 'token-classification', from: 'tagged words' };
  if (columns.label === undefined) {
    if (vocabulary) return { task: 'fill-mask', from: 'text without labels' };
    throw new DataError(
      `${path}: expected a label column to train on, found only ${Object.values(columns).join(', ')} (--label names it; masked language modelling needs a model with a vocabulary output)`,
    );
  }
  if (config?.problemType === 'multi_label_classification' || rows.some(({ labels }) => labels !== undefined))
    return { task: 'multi-label-classification', from: 'lists of labels' };
  if (rows.some(({ label = '' }) => /\S\|\S/.test(label) && config?.labels.includes(label) !== true))
    return { task: 'multi-label-classification', from: 'labels with | between them' };
  if (config?.problemType === 'regression') return { task: 'regression', from: 'the config' };
  const numbers = rows.map(({ label = '' }) => Number(label === '' ? Number.NaN : label));
  const measured = numbers.every(Number.isFinite) && numbers.some((number) => !Number.isInteger(number));
  if (!measured) return { task: 'text-classification', from: 'texts with labels' };
  return columns.textPair !== undefined && !classes
    ? { task: 'sentence-similarity', from: 'pairs with scores' }
    : { task: 'regression', from: 'texts with scores' };
}
