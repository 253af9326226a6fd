// The rows that training is judged by, as the task that measures them takes them.
import type { ModelConfig } from '../../data/config.ts';
import { datasetOf, firstRows, type Dataset } from '../../data/dataset.ts';
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { checkGold, requireColumns } from '../../evaluate/evaluate.ts';
import { taskNamed } from '../../evaluate/registry.ts';
import type { InputRoles } from '../../evaluate/roles.ts';
import type { FitTask } from '../../objectives/fit-task.ts';
import type { Goal } from '../../objectives/goal.ts';
import { problems } from './config.ts';
import type { DevSet } from '../learn/training.ts';

/** Texts whose words are guessed, each word in a run of its own. */
const MASKED_TEXTS = 200;

export interface DevOptions {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly labels: readonly string[];
  readonly maxLength: number;
  readonly pooling: 'mean' | 'cls';
  readonly roles: InputRoles;
  readonly batch: number;
  readonly seed: number;
}

/** @throws DataError for a row whose label cannot be used */
export async function devSetOf(
  task: FitTask,
  goal: Pick<Goal, 'task'>,
  data: Dataset,
  options: DevOptions,
): Promise<DevSet> {
  const { tokenizer, labels, maxLength, pooling, roles, batch, seed } = options;
  const dataset = task === 'fill-mask' ? await firstOf(data, MASKED_TEXTS) : data;
  const measured = taskNamed(goal.task);
  requireColumns(measured, dataset);
  const problemType = problems[task];
  const config: ModelConfig = {
    ...(options.config ?? { architectures: [] }),
    labels,
    ...(problemType === undefined ? {} : { problemType }),
  };
  const several = task === 'multi-label-classification';
  const run = measured.begin({ path: dataset.path, tokenizer, maxLength, config, labels, several, pooling, seed });
  await checkGold(dataset, [{ run }]);
  const padding = { padId: tokenizer.padId, padSide: tokenizer.padSide };
  return { task: goal.task, dataset, run, roles, padding, labels, pooling, batch };
}

async function firstOf(data: Dataset, most: number): Promise<Dataset> {
  if (data.size <= most) return data;
  return datasetOf(await firstRows(data, most), data);
}
