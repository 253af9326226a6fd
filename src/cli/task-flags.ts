// --task and what goes with it: one kind for --data, or NAME=FILE for each of several tasks.
import { Flags } from '@oclif/core';
import { UsageError } from '../errors.ts';
import type { TrainModelOptions, TrainTask } from '../fit.ts';

const several = { multiple: true, multipleNonGreedy: true, helpGroup: 'DATA' } as const;

export const taskFlags = {
  task: Flags.string({
    ...several,
    description:
      'what to train for: text-classification, multi-label-classification, token-classification, regression, sentence-similarity or fill-mask; default guessed. Or, repeated in place of --data, NAME=FILE or NAME:KIND=FILE: a head for each file',
    helpValue: 'KIND|NAME=FILE',
  }),
  dev: Flags.string({
    ...several,
    description: 'rows to judge by; default a share of --data; with several tasks NAME=FILE, repeatable',
    helpValue: 'FILE|NAME=FILE',
  }),
  'task-weight': Flags.string({
    ...several,
    description: 'weight of a task in the loss; default 1, repeatable',
    helpValue: 'NAME=NUMBER',
  }),
  'task-temperature': Flags.string({
    description: 'how batches are drawn from several tasks: 1 in proportion to size, above nearer to as many of each',
    defaultHelp: async () => '1',
    helpGroup: 'DATA',
  }),
};

interface Given {
  readonly task?: readonly string[] | undefined;
  readonly dev?: readonly string[] | undefined;
  readonly 'task-weight'?: readonly string[] | undefined;
  readonly 'task-temperature'?: string | undefined;
}

/** The flags as the library takes them. A kind has no `=`, so what has one is a file. Throws UsageError. */
export function tasksOf(flags: Given): Pick<TrainModelOptions, 'task' | 'dev' | 'tasks' | 'taskTemperature'> {
  const { task = [], dev = [], 'task-weight': weight = [], 'task-temperature': temperature } = flags;
  const files = task.filter((value) => value.includes('='));
  const kinds = task.filter((value) => !value.includes('='));
  if (files.length === 0) {
    if (weight.length > 0 || temperature !== undefined)
      throw new UsageError('--task-weight, --task-temperature: expected --task NAME=FILE beside it, found none');
    return { task: onlyOne('--task', kinds), dev: onlyOne('--dev', dev) };
  }
  if (kinds.length > 0) throw new UsageError(`--task: expected NAME=FILE for each of several, found '${kinds[0]}'`);
  const devs = named('--dev', dev);
  const weights = named('--task-weight', weight);
  const tasks = files.map((value) => taskOf(value, devs, weights));
  for (const [flag, given] of [
    ['--dev', devs],
    ['--task-weight', weights],
  ] as const)
    for (const name of given.keys())
      if (!tasks.some((one) => one.name === name))
        throw new UsageError(`${flag} ${name}: expected the name of a --task, found none that has it`);
  return {
    task: undefined,
    dev: undefined,
    tasks,
    ...(temperature === undefined ? {} : { taskTemperature: Number(temperature) }),
  };
}

function taskOf(value: string, devs: ReadonlyMap<string, string>, weights: ReadonlyMap<string, string>): TrainTask {
  const [left, data] = parted('--task', value);
  const [name = '', kind] = left.split(':');
  const weight = weights.get(name);
  return { name, data, task: kind, dev: devs.get(name), ...(weight === undefined ? {} : { weight: Number(weight) }) };
}

function named(flag: string, values: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const value of values) {
    const [name, rest] = parted(flag, value);
    if (found.has(name)) throw new UsageError(`${flag} ${name}: expected it once, found it again`);
    found.set(name, rest);
  }
  return found;
}

/** At the first `=`, so that a file's name may have one. */
function parted(flag: string, value: string): [name: string, rest: string] {
  const at = value.indexOf('=');
  if (at <= 0 || at === value.length - 1)
    throw new UsageError(`${flag}: expected NAME=${flag === '--task-weight' ? 'NUMBER' : 'FILE'}, found '${value}'`);
  return [value.slice(0, at), value.slice(at + 1)];
}

function onlyOne(flag: string, values: readonly string[]): string | undefined {
  if (values.length > 1)
    throw new UsageError(`${flag}: expected it once, or NAME=FILE for several tasks, found ${values.join(', ')}`);
  return values[0];
}
