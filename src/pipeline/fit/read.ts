// The rows of each task that is trained: which file, what for, what is told apart.
import type { Dataset, Row } from '../../data/dataset.ts';
import { DataError } from '../../errors.ts';
import { guessFitTask, type FitTask } from '../../objectives/fit-task.ts';
import { namesOf } from '../../objectives/label-names.ts';
import { openFitData, readFitData, type FitData, type FitDataOptions } from './data.ts';
import { outputFor } from './head.ts';
import type { KnownModel } from '../known-model.ts';
import type { ModelConfig } from '../../data/config.ts';

/** A file to train on, with a head of its own where it has a name. */
export interface FitSource {
  readonly name?: string | undefined;
  readonly data: string;
  /** Rows to judge by; without it a share of `data`. */
  readonly dev?: string | undefined;
  /** Default guessed from the data and the model. */
  readonly task?: FitTask | undefined;
  /** Of its loss among the others'; default 1. */
  readonly weight?: number | undefined;
}

/** A source whose rows were read. */
export interface FitRows {
  readonly source: FitSource;
  readonly task: FitTask;
  readonly data: FitData;
  readonly notes: readonly string[];
}

export type FitReadOptions = Omit<FitDataOptions, 'data' | 'dev' | 'task'>;

/** How many rows a guess looks at. */
const LOOK = 200;

/** Throws UsageError, DataError. */
export async function readFitRows(
  source: FitSource,
  { recognition }: KnownModel,
  config: ModelConfig | undefined,
  options: FitReadOptions,
): Promise<FitRows> {
  const { name, data: path, dev, task: asked } = source;
  const all = { ...options, data: path, dev, task: asked };
  const dataset = await openFitData(all);
  // a head of its own is made for the data, whatever the model has now
  const has =
    name === undefined
      ? {
          config,
          classes: outputFor('text-classification', recognition) !== undefined,
          vocabulary: outputFor('fill-mask', recognition) !== undefined,
        }
      : { config: undefined, classes: true, vocabulary: false };
  const guess = asked ? undefined : guessFitTask({ ...(await lookAt(dataset)), ...has });
  const task = asked ?? guess!.task;
  if (name !== undefined && !headed.has(task))
    throw new DataError(
      `--task ${name}: expected a task with a head of its own (${[...headed].join(', ')}), found ${task}`,
    );
  const data = await readFitData(dataset, all, classesOf(task, path));
  const guessed = guess ? [`task ${task}, guessed from ${guess.from}: name another with --task`] : [];
  return { source, task, data, notes: [...guessed, ...data.notes] };
}

/** Tasks that a fresh head can be put on for, so that several can share an encoder. */
export const headed: ReadonlySet<FitTask> = new Set([
  'text-classification',
  'multi-label-classification',
  'token-classification',
  'regression',
]);

async function lookAt(dataset: Dataset): Promise<Pick<Dataset, 'path' | 'columns'> & { readonly rows: Row[] }> {
  const rows: Row[] = [];
  for await (const row of dataset.rows()) if (rows.push(row) >= LOOK) break;
  return { path: dataset.path, columns: dataset.columns, rows };
}

/** What the split spreads evenly: classes; of several labels the first one, since of sets of labels most may be there once. */
function classesOf(task: FitTask, path: string): (row: Row) => string {
  if (task === 'multi-label-classification') return (row) => namesOf(row, path)[0] ?? '';
  return ({ label = '' }) => (task === 'text-classification' ? label : '');
}
