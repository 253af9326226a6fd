// From rows to what the trainer takes: samples, the goal with its class weights, and what stands out about them.
import type { Row } from '../../data/dataset.ts';
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { DataError } from '../../errors.ts';
import { balancedWeights, positiveWeights } from '../../objectives/class-weights.ts';
import type { FitTask } from '../../objectives/fit-task.ts';
import type { Goal, GoalContext, Sample } from '../../objectives/goal.ts';
import { countClasses, goalFor } from '../../objectives/registry.ts';
import { featuresOf } from '../../passes/head/features.ts';
import { pooledTokens } from '../../passes/head/pool.ts';
import type { HeadChoice } from './head.ts';

export interface GoalOptions {
  readonly labelSmoothing?: number | undefined;
  readonly classWeights?: 'balanced' | undefined;
}

export interface GoalMaterial {
  readonly path: string;
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly pooling: 'mean' | 'cls';
  readonly train: readonly Row[];
  readonly dev: readonly Row[];
  /** Behind the names of the loss's inputs. */
  readonly suffix?: string | undefined;
}

export interface PreparedGoal {
  readonly goal: Goal;
  readonly samples: readonly Sample[];
  readonly notes: readonly string[];
}

/** Classes named in a note. */
const NAMED = 8;

/** @throws DataError with the line of a label that cannot be used */
export function prepareGoal(
  task: FitTask,
  choice: HeadChoice,
  material: GoalMaterial,
  options: GoalOptions,
): PreparedGoal {
  const context = contextOf(task, choice, material, options);
  const goal = goalFor(task, context);
  const samples = material.train.map((row) => goal.sample(row));
  const counts = countClasses(goal, samples, choice.classes);
  if (!counts) return { goal, samples, notes: [] };
  const missing = [...counts.keys()].filter((id) => counts[id] === 0).map((id) => choice.labels[id] ?? String(id));
  if (missing.length === counts.length)
    throw new DataError(`${material.path}: expected labels to train on, found none in ${samples.length} rows`);
  const notes = [...missingNotes(missing), ...(choice.step ? caseNotes(choice.labels) : [])];
  if (options.classWeights === undefined) return { goal, samples, notes };
  const classWeights =
    task === 'multi-label-classification' ? positiveWeights(counts, samples.length) : balancedWeights(counts);
  return { goal: goalFor(task, { ...context, classWeights }), samples, notes };
}

function missingNotes(missing: readonly string[]): string[] {
  if (missing.length === 0) return [];
  const [what, them] = missing.length === 1 ? ['the label', 'it'] : ['the labels', 'them'];
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
  return [
    `no row to train on has ${what} ${missing.slice(0, NAMED).join(', ')}${more}: the model cannot learn to give ${them}`,
  ];
}

/** Names of fresh classes that only their case tells apart are more likely one class, written in two ways. */
function caseNotes(labels: readonly string[]): string[] {
  const written = new Map<string, string[]>();
  for (const label of labels) written.set(label.toLowerCase(), [...(written.get(label.toLowerCase()) ?? []), label]);
  const twice = [...written.values()].filter((names) => names.length > 1);
  if (twice.length === 0) return [];
  const shown = twice.slice(0, NAMED).map((names) => names.join(' and '));
  return [`labels that differ in case alone are classes of their own: ${shown.join('; ')}`];
}

function contextOf(
  task: FitTask,
  { model, recognition, output, classes, labels }: HeadChoice,
  { path, tokenizer, maxLength, pooling, train, dev, suffix }: GoalMaterial,
  { labelSmoothing }: GoalOptions,
): GoalContext {
  const base = { path, tokenizer, maxLength, labels, output, classes, suffix, smoothing: labelSmoothing };
  if (task !== 'sentence-similarity') return base;
  const tokens = recognition.head.outputs.find(({ name }) => name === output)?.kind === 'hidden';
  const features = { ...featuresOf(model.graph, recognition), hidden: output };
  const largest = [...train, ...dev].reduce((most, { label }) => Math.max(most, Math.abs(Number(label)) || 0), 0);
  return {
    ...base,
    // cosines end at 1
    scale: Math.max(1, largest),
    ...(tokens && { pool: (builder) => pooledTokens(builder, features, pooling) }),
  };
}
