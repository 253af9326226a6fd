// The tiny tokenizer and models of test/support, and a context for a task over them.
import { fileURLToPath } from 'node:url';
import { datasetOf, type Dataset, type Row } from '../../src/data/dataset.ts';
import { loadTokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { evaluate, type Evaluations } from '../../src/evaluate/evaluate.ts';
import type { TaskContext, TaskRun } from '../../src/evaluate/task.ts';
import { openSession } from '../../src/runtime/session.ts';

const folder = fileURLToPath(new URL('../support/tiny', import.meta.url));

export const tinyTokenizer = await loadTokenizer(folder);

export function contextOf(changes: Partial<TaskContext> = {}): TaskContext {
  return {
    path: 'here.tsv',
    tokenizer: tinyTokenizer,
    maxLength: 32,
    labels: [],
    pooling: 'mean',
    seed: 1,
    ...changes,
  };
}

const words = 'the a good bad movie was very not i it dance of child man'.split(' ');

/** Texts of one to nine words of the tiny vocabulary, the same every time. */
export function tinyTexts(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 1 + ((i * 7) % 9) }, (_, j) => words[(i * i + 3 * j * (i + 1)) % words.length]).join(' '),
  );
}

/** Measures models on rows as the pipeline does; a model is a name of test/support/tiny or a path. */
export async function evaluateFiles(
  task: string,
  run: TaskRun,
  rows: readonly Row[],
  models: readonly string[],
): Promise<Evaluations> {
  const paths = models.map((name) => (name.endsWith('.onnx') ? name : `${folder}/${name}.onnx`));
  const sessions = await Promise.all(paths.map((path) => openSession(path, { threads: 1 })));
  const dataset: Dataset = datasetOf(rows, { path: 'here.tsv', format: 'TSV', columns: { text: 'text' } });
  const padding = { padId: tinyTokenizer.padId, padSide: tinyTokenizer.padSide };
  try {
    const contestants = sessions.map((session) => ({ session, run, padding }));
    return await evaluate(task, dataset, contestants, { batch: 4, showChanged: 5 });
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}
