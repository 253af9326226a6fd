// Heads of several tasks on one encoder: those that the model has by these names where all of them fit, else fresh ones.
import type { ModelConfig } from '../../data/config.ts';
import { ModelError, UsageError } from '../../errors.ts';
import type { FitTask } from '../../objectives/fit-task.ts';
import {
  labelNamesOf,
  listed,
  putHeads,
  whyFresh,
  type HeadChoice,
  type HeadOptions,
  type LabelledRows,
  type TrainedHead,
} from './head.ts';
import type { KnownModel } from '../known-model.ts';

/** A task with the rows that say which labels it has. */
export interface NamedTask {
  readonly name: string;
  readonly task: FitTask;
  readonly data: LabelledRows;
}

/** Output of the fresh head of a task. */
export function outputOf(name: string): string {
  return `logits_${name}`;
}

/**
 * As many as tasks, all on the same model.
 * @throws ModelError where the model's own heads are asked for and one is missing, or no head can be put on; DataError for
 * a label that the own head of a task lacks; UsageError for names of labels, which cannot be of several tasks
 */
export function chooseHeads(
  known: KnownModel,
  config: ModelConfig | undefined,
  tasks: readonly NamedTask[],
  options: HeadOptions,
): HeadChoice[] {
  if (options.labels !== undefined)
    throw new UsageError('--labels: expected one task whose labels these are, found several (--task NAME=FILE)');
  const labels = tasks.map(({ task, data }) => labelNamesOf(task, data, options));
  const own = tasks.map((one, i) => ownHead(known, config, one, labels[i]!));
  const lacking = own.flatMap((head, i) => (typeof head === 'string' ? [`${tasks[i]!.name}: ${head}`] : []));
  if (options.head === 'keep' && lacking.length > 0)
    throw new ModelError(`--head keep: expected a head for each task, found none for ${lacking.join('; ')}`);
  const { model, recognition } = known;
  if (options.head !== 'fresh' && lacking.length === 0)
    return own.flatMap((head) =>
      typeof head === 'string'
        ? []
        : [{ model, recognition, ...head, notes: [`the model's own head is trained: output ${head.output}`] }],
    );
  const heads = tasks.map(({ name, task }, i) => ({
    task,
    labels: labels[i]!.length,
    output: outputOf(name),
    weights: `classifier_${name}`,
  }));
  const put = putHeads(known, heads, options);
  return tasks.map(({ name }, i) => {
    const note = `a fresh head is trained: output ${outputOf(name)}; labels ${listed(labels[i]!)}`;
    return { ...put, output: outputOf(name), classes: labels[i]!.length, labels: labels[i]!, notes: [note] };
  });
}

/** The head that the config has by the task's name, or why it does not do. */
function ownHead(
  { recognition }: KnownModel,
  config: ModelConfig | undefined,
  { name, task, data }: NamedTask,
  labels: readonly string[],
): TrainedHead | string {
  const head = config?.heads?.get(name);
  const own = recognition.head.outputs.find((output) => output.name === head?.output);
  if (!head || !own?.size) return 'the model has no head of this name';
  if (own.kind !== (task === 'token-classification' ? 'token-logits' : 'logits')) return `its head is not for ${task}`;
  const why = whyFresh(own, head.config.labels, labels, task, data);
  return why ?? { output: own.name, classes: own.size, labels: head.config.labels };
}
