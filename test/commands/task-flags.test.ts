// --task and what goes with it: how values are read, and what is refused.
import { expect, it } from 'vitest';
import { tasksOf } from '../../src/cli/task-flags.ts';

it('reads one kind, and a file for --dev, whatever its name', () => {
  expect(tasksOf({})).toEqual({ task: undefined, dev: undefined });
  expect(tasksOf({ task: ['regression'], dev: ['a=b.tsv'] })).toEqual({ task: 'regression', dev: 'a=b.tsv' });
});

it('reads files with a name, a kind, rows to judge by and a weight', () => {
  const flags = {
    task: ['side=sides.tsv', 'topic:multi-label-classification=dir/t=1.jsonl'],
    dev: ['topic=dev=1.jsonl'],
    'task-weight': ['side=0.5'],
    'task-temperature': '2',
  };
  expect(tasksOf(flags)).toEqual({
    task: undefined,
    dev: undefined,
    tasks: [
      { name: 'side', data: 'sides.tsv', weight: 0.5 },
      { name: 'topic', data: 'dir/t=1.jsonl', task: 'multi-label-classification', dev: 'dev=1.jsonl' },
    ],
    taskTemperature: 2,
  });
});

it.each([
  [{ task: ['a=b', 'regression'] }, "--task: expected NAME=FILE for each of several, found 'regression'"],
  [
    { task: ['regression', 'fill-mask'] },
    '--task: expected it once, or NAME=FILE for several tasks, found regression, fill-mask',
  ],
  [{ task: ['a='] }, "--task: expected NAME=FILE, found 'a='"],
  [{ task: ['a=b'], dev: ['c.tsv'] }, "--dev: expected NAME=FILE, found 'c.tsv'"],
  [{ task: ['a=b'], dev: ['c=d'] }, '--dev c: expected the name of a --task, found none that has it'],
  [{ task: ['a=b'], dev: ['a=c', 'a=d'] }, '--dev a: expected it once, found it again'],
  [{ task: ['a=b'], 'task-weight': ['b=2'] }, '--task-weight b: expected the name of a --task, found none that has it'],
  [{ task: ['a=b'], 'task-weight': ['2'] }, "--task-weight: expected NAME=NUMBER, found '2'"],
  [{ 'task-weight': ['a=2'] }, '--task-weight, --task-temperature: expected --task NAME=FILE beside it, found none'],
])('%j: %s', (flags, message) => {
  expect(() => tasksOf(flags)).toThrow(message);
});
