// The goals by task. A goal is one file and one entry here.
import { classificationGoal } from './classification.ts';
import type { FitTask } from './fit-task.ts';
import type { Goal, GoalContext, Sample } from './goal.ts';
import { maskedLanguageGoal } from './masked-language.ts';
import { multiLabelGoal } from './multi-label.ts';
import { regressionGoal, similarityGoal } from './scores.ts';
import { tokenGoal } from './tokens.ts';

const goals: Readonly<Record<FitTask, (context: GoalContext) => Goal>> = {
  'text-classification': classificationGoal,
  'multi-label-classification': multiLabelGoal,
  'token-classification': tokenGoal,
  regression: regressionGoal,
  'sentence-similarity': similarityGoal,
  'fill-mask': maskedLanguageGoal,
};

/** @throws DataError where the tokenizer lacks what the goal needs */
export function goalFor(task: FitTask, context: GoalContext): Goal {
  return goals[task](context);
}

/** How often each class stands in the samples; undefined where the goal has no classes. */
export function countClasses(goal: Goal, samples: readonly Sample[], classes: number): number[] | undefined {
  if (!goal.classesOf) return undefined;
  const counts = Array.from({ length: classes }, () => 0);
  for (const { target } of samples) for (const id of goal.classesOf(target)) counts[id]!++;
  return counts;
}
