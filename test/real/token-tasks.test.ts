// Zoo models with random weights on WNUT17: the figures that Python's libraries and SQuAD's script give (support/make-token-task-values.py).
import { expect, it } from 'vitest';
import { datasetOf, type Dataset, type Row } from '../../src/data/dataset.ts';
import { openDataset } from '../../src/data/open-dataset.ts';
import { loadTokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { checkGold, evaluate, type Evaluation } from '../../src/evaluate/evaluate.ts';
import { taskNamed } from '../../src/evaluate/registry.ts';
import { openSession } from '../../src/runtime/session.ts';
import { tinyFolder } from '../evaluate/support.ts';
import answers from './answers.json' with { type: 'json' };
import { describeWith, shared } from '../support/shared.ts';

const labels = ['O', 'B-person', 'I-person', 'B-location', 'I-location'];

/** The sentences of WNUT17's dev set, every type but two being O. */
async function sentences(): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of (await openDataset(shared('data/wnut17/emerging.dev.conll'))).rows()) {
    rows.push({ ...row, tags: row.tags!.map((tag) => (labels.includes(tag) ? tag : 'O')) });
  }
  return rows;
}

/** Ten sentences are a context, the first words of the next ask for words 20 to 22 of it; every fourth asks for nothing. */
function questions(rows: readonly Row[]): Row[] {
  return Array.from({ length: 60 }, (_, i) => {
    const context = rows.slice(10 * i, 10 * i + 10).flatMap((row) => row.words!);
    const textPair = rows[10 * i + 10]!.words!.slice(0, 3).join(' ');
    const answers = i % 4 === 3 ? [] : [context.slice(20, 23).join(' '), context[20]!];
    return { line: i + 1, text: context.join(' '), textPair, answers };
  });
}

async function measure(task: string, model: string, rows: readonly Row[], maxLength: number): Promise<Evaluation> {
  const dataset: Dataset = datasetOf(rows, { path: 'wnut17', format: 'test', columns: { text: 'text' } });
  const session = await openSession(shared(`zoo/${model}/model.onnx`));
  try {
    const tokenizer = await loadTokenizer(tinyFolder);
    const of = task === 'token-classification' ? labels : [];
    const run = taskNamed(task).begin({ path: 'wnut17', tokenizer, maxLength, labels: of, pooling: 'mean', seed: 0 });
    await checkGold(dataset, [{ run }]);
    const padding = { padId: tokenizer.padId, padSide: tokenizer.padSide };
    const { models } = await evaluate(task, dataset, [{ session, run, padding }]);
    return models[0]!;
  } finally {
    await session.release();
  }
}

const near = (value: number): number => expect.closeTo(value, 3) as number;

describeWith('data/wnut17/emerging.dev.conll', 'tasks by token agree with Python', () => {
  it('token classification', async () => {
    const found = await measure('token-classification', 'bert-tokcls-ts-17-eager', await sentences(), 48);
    expect(found).toMatchObject({ samples: 1009, value: near(0.03679144), nonFinite: 0 });
    expect(found.secondary).toEqual({
      precision: near(0.0208182),
      recall: near(0.1580882),
      accuracy: near(0.5176381),
      macroF1: near(0.018806),
    });
    expect(found.notes).toEqual(['4785 of 15733 words have no token within 48 tokens: they count as O']);
  });

  it('question answering', async () => {
    const rows = questions(await sentences());
    const found = await measure('question-answering', 'bert-qa-ts-17-eager', rows, 96);
    expect(found).toMatchObject({ samples: 60, value: near(0.00969697), secondary: { exactMatch: 0 }, nonFinite: 0 });
    // Each answer that run_qa gives from 622 windows is the one found here; two may fall otherwise on another CPU.
    const asRunQa = rows.map((row, i) => ({ ...row, answers: [answers[i]!] }));
    const same = await measure('question-answering', 'bert-qa-ts-17-eager', asRunQa, 96);
    expect(same.secondary['exactMatch']).toBeGreaterThanOrEqual(58 / 60);
  });
});
