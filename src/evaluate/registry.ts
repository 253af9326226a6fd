// The tasks that can be measured. A task is one file in `tasks/` and one entry here.
import { UsageError } from '../errors.ts';
import type { Task } from './task.ts';
import { featureExtraction } from './tasks/feature-extraction.ts';
import { fillMask } from './tasks/fill-mask.ts';
import { questionAnswering } from './tasks/question-answering.ts';
import { retrieval } from './tasks/retrieval.ts';
import { sentenceSimilarity } from './tasks/sentence-similarity.ts';
import { textClassification } from './tasks/text-classification.ts';
import { tokenClassification } from './tasks/token-classification.ts';

export const tasks: readonly Task[] = [
  textClassification,
  tokenClassification,
  questionAnswering,
  sentenceSimilarity,
  retrieval,
  fillMask,
  featureExtraction,
];

/** @throws UsageError listing the tasks, where there is none of that name */
export function taskNamed(name: string): Task {
  const found = tasks.find((task) => task.name === name);
  if (found === undefined) {
    throw new UsageError(`task: expected one of ${tasks.map((task) => task.name).join(', ')}, found '${name}'`);
  }
  return found;
}
