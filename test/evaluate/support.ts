// Shared by the tests of evaluation: the tiny models, and data written in place.
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/data/config.ts';
import type { Dataset, Row } from '../../src/data/rows.ts';
import { loadTokenizer } from '../../src/data/tokenizer.ts';
import { evaluate, prepare } from '../../src/evaluate/evaluate.ts';
import { taskNamed } from '../../src/evaluate/registry.ts';
import type { Prepared } from '../../src/evaluate/task.ts';
import { openSession, type Session } from '../../src/runtime/session.ts';

const folder = fileURLToPath(new URL('../support/tiny', import.meta.url));
const open: Session[] = [];

/** Opens a tiny model on one thread; `releaseAll` closes it. */
export async function openTiny(name: string): Promise<Session> {
  const session = await openSession(`${folder}/${name}.onnx`, { threads: 1, name });
  open.push(session);
  return session;
}

export async function releaseAll(): Promise<void> {
  await Promise.all(open.splice(0).map((session) => session.release()));
}

export function datasetOf(rows: readonly Omit<Row, 'line'>[]): Dataset {
  const first = rows[0];
  return {
    path: 'here.tsv',
    format: 'TSV',
    columns: {
      text: 'text',
      ...(first?.textPair === undefined ? {} : { textPair: 'pair' }),
      ...(first?.label === undefined ? {} : { label: 'label' }),
    },
    rows: rows.map((row, i) => ({ line: i + 2, ...row })),
    bad: [],
  };
}

const words = 'the a good bad movie was very not i it dance rid and of child man'.split(' ');

/** Texts of one to nine words in an order that depends on nothing. */
export function someTexts(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 1 + ((i * 7) % 9) }, (_, j) => words[(i * i + 3 * j * (i + 1)) % words.length]).join(' '),
  );
}

export async function prepareTiny(task: string, dataset: Dataset, maxLength = 12): Promise<Prepared> {
  const [tokenizer, config] = [await loadTokenizer(folder), await loadConfig(folder)];
  return prepare(taskNamed(task), dataset, { tokenizer, config, maxLength });
}

/** Labelled texts: the label is what the model says of each text alone, except that every fifth is turned around. */
export async function labelledTexts(session: Session, count: number): Promise<Dataset> {
  const texts = someTexts(count);
  const prepared = await prepareTiny('text-classification', datasetOf(texts.map((text) => ({ text, label: '0' }))));
  const { predictions } = await evaluate(session, prepared, { batch: 1 });
  return datasetOf(
    texts.map((text, i) => {
      const right = predictions![i] === 1;
      return { text, label: right === (i % 5 !== 0) ? 'positive' : 'Negative' };
    }),
  );
}
