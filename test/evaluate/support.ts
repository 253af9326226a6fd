// Shared by the tests of evaluation: the tiny models, and data written in place.
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/data/config.ts';
import { datasetOf as inMemory, type Dataset, type Row } from '../../src/data/dataset.ts';
import { loadTokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { compare } from '../../src/evaluate/compare.ts';
import {
  checkGold,
  evaluate,
  requireColumns,
  type Contestant,
  type EvaluateOptions,
  type Evaluation,
} from '../../src/evaluate/evaluate.ts';
import type { Pooling } from '../../src/evaluate/pooling.ts';
import { taskNamed } from '../../src/evaluate/registry.ts';
import type { TaskRun } from '../../src/evaluate/task.ts';
import type { Padding } from '../../src/evaluate/window.ts';
import { openSession, type Session } from '../../src/runtime/session.ts';

export const tinyFolder = fileURLToPath(new URL('../support/tiny', import.meta.url));
const open: Session[] = [];

/** Opens a tiny model on one thread; `releaseAll` closes it. */
export async function openTiny(name: string): Promise<Session> {
  const session = await openSession(`${tinyFolder}/${name}.onnx`, { threads: 1, name });
  open.push(session);
  return session;
}

export async function releaseAll(): Promise<void> {
  await Promise.all(open.splice(0).map((session) => session.release()));
}

export function datasetOf(rows: readonly Omit<Row, 'line'>[]): Dataset {
  const first = rows[0];
  return inMemory(
    rows.map((row, i) => ({ line: i + 2, ...row })),
    {
      path: 'here.tsv',
      format: 'TSV',
      columns: {
        text: 'text',
        ...(first?.textPair === undefined ? {} : { textPair: 'pair' }),
        ...(first?.label === undefined ? {} : { label: 'label' }),
      },
    },
  );
}

const words = 'the a good bad movie was very not i it dance rid and of child man'.split(' ');

/** Texts of one to nine words in an order that depends on nothing. */
export function someTexts(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 1 + ((i * 7) % 9) }, (_, j) => words[(i * i + 3 * j * (i + 1)) % words.length]).join(' '),
  );
}

/** A task on data, ready for models. */
export interface Ready {
  readonly task: string;
  readonly dataset: Dataset;
  readonly run: TaskRun;
  readonly padding: Padding;
}

export async function prepareTiny(
  name: string,
  dataset: Dataset,
  options: { maxLength?: number; pooling?: Pooling; labels?: readonly string[] } = {},
): Promise<Ready> {
  const [tokenizer, config] = [await loadTokenizer(tinyFolder), await loadConfig(tinyFolder)];
  const task = taskNamed(name);
  requireColumns(task, dataset);
  const { maxLength = 12, pooling = 'mean', labels = config?.labels ?? [] } = options;
  const run = task.begin({
    path: dataset.path,
    tokenizer,
    maxLength,
    config,
    labels,
    several: false,
    pooling,
    seed: 0,
  });
  await checkGold(dataset, [{ run }]);
  return { task: name, dataset, run, padding: { padId: tokenizer.padId, padSide: tokenizer.padSide } };
}

/** Several sessions on the same rows, the first the original. */
export function evaluateAll(sessions: readonly Session[], ready: Ready, options: EvaluateOptions = {}) {
  const contestants = sessions.map((session): Contestant => ({ ...ready, session }));
  return evaluate(ready.task, ready.dataset, contestants, options);
}

export async function evaluateOne(session: Session, ready: Ready, options: EvaluateOptions = {}): Promise<Evaluation> {
  return (await evaluateAll([session], ready, options)).models[0]!;
}

/** Accuracy and parity of a second model against a first. */
export async function compareTwo(before: Session, after: Session, ready: Ready, options: EvaluateOptions = {}) {
  const { models, differences } = await evaluateAll([before, after], ready, options);
  return {
    before: models[0]!,
    after: models[1]!,
    accuracy: compare(models[0]!, models[1]!, { seed: 1 }),
    ...differences[0]!,
  };
}

/** Labelled texts: the label is what the model says of each text alone, except that every fifth is turned around. */
export async function labelledTexts(session: Session, count: number): Promise<Dataset> {
  const texts = someTexts(count);
  const ones = await prepareTiny('text-classification', datasetOf(texts.map((text) => ({ text, label: '1' }))));
  const { correct } = await evaluateOne(session, ones, { batch: 1 });
  return datasetOf(
    texts.map((text, i) => {
      const positive = correct![i] === 1;
      return { text, label: positive === (i % 5 !== 0) ? 'positive' : 'Negative' };
    }),
  );
}
