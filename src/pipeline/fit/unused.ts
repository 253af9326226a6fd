// Options that a task has no use for are refused: silence would look as if they had been used.
import { UsageError } from '../../errors.ts';
import type { FitTask } from '../../objectives/fit-task.ts';
import type { GoalOptions } from './goal.ts';
import type { HeadOptions } from './head.ts';
import { headed } from './read.ts';

type UnusedOptions = GoalOptions & Pick<HeadOptions, 'head' | 'labels'>;

/** Options that none of the tasks has a use for. Throws UsageError. */
export function refuseUnused(tasks: readonly FitTask[], options: UnusedOptions): void {
  const unless = (flag: string, given: boolean, what: string, fits: (task: FitTask) => boolean): void => {
    if (given && !tasks.some(fits)) throw new UsageError(`${flag}: expected ${what}, found ${tasks.join(', ')}`);
  };
  const scores = (task: FitTask): boolean => task === 'regression' || task === 'sentence-similarity';
  const classes = (task: FitTask): boolean => !scores(task) && task !== 'fill-mask';
  unless('--class-weights', options.classWeights !== undefined, 'a task with classes', classes);
  unless('--labels', options.labels !== undefined, 'a task with labels', classes);
  unless(
    '--label-smoothing',
    (options.labelSmoothing ?? 0) > 0,
    'a task with classes or words',
    (task) => !scores(task),
  );
  unless('--head', options.head === 'fresh', 'a task that a fresh head can be put on for', (task) => headed.has(task));
}
