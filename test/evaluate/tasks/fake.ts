// A session whose outputs are a function of the token ids, and tasks begun with the tiny tokenizer, for tests of tasks.
import { datasetOf, type Dataset, type Row } from '../../../src/data/dataset.ts';
import { loadTokenizer, type Tokenizer } from '../../../src/data/tokenizer/tokenizer.ts';
import { checkGold, evaluate, type EvaluateOptions, type Evaluations } from '../../../src/evaluate/evaluate.ts';
import { taskNamed } from '../../../src/evaluate/registry.ts';
import type { TaskContext, TaskRun } from '../../../src/evaluate/task.ts';
import type { HostTensor, Session } from '../../../src/runtime/session.ts';
import { tinyFolder } from '../support.ts';

export const tiny: Tokenizer = await loadTokenizer(tinyFolder);

/** Numbers of one token of a sequence, given all ids of it (padding left out) and its place. */
export type TokenOutput = (ids: readonly number[], at: number) => readonly number[];

/** A model of input_ids and attention_mask; an output of one number a token is [batch, sequence], else [batch, sequence, width]. */
export function fakeSession(
  outputs: Readonly<Record<string, TokenOutput>>,
  widths: Readonly<Record<string, number>> = {},
): Session {
  const names = Object.keys(outputs);
  const shapeOf = (name: string): (string | number)[] => {
    const width = widths[name] ?? 1;
    return width === 1 ? ['batch', 'sequence'] : ['batch', 'sequence', width];
  };
  return {
    name: 'fake',
    threads: 1,
    inputs: ['input_ids', 'attention_mask'].map((name) => ({ name, dtype: 'int64', shape: ['batch', 'sequence'] })),
    outputs: names.map((name) => ({ name, dtype: 'float32', shape: shapeOf(name) })),
    run: async (feeds) =>
      Object.fromEntries(names.map((name) => [name, outputOf(feeds, outputs[name]!, widths[name] ?? 1)])),
    release: async () => {},
  };
}

function outputOf(feeds: Readonly<Record<string, HostTensor>>, output: TokenOutput, width: number): HostTensor {
  const { dims, data: ids } = feeds['input_ids']!;
  const mask = feeds['attention_mask']!.data;
  const [batch = 0, sequence = 0] = dims;
  const data = new Float32Array(batch * sequence * width).fill(1e3); // padding must not be looked at
  for (let row = 0; row < batch; row++) {
    const from = row * sequence;
    const length = Array.from(mask.subarray(from, from + sequence), Number).filter((one) => one === 1).length;
    const own = Array.from(ids.subarray(from, from + length), Number);
    for (let at = 0; at < length; at++) data.set(output(own, at), (from + at) * width);
  }
  return { dtype: 'float32', dims: width === 1 ? dims : [...dims, width], data };
}

/** Rows on lines 2, 3 … of 'here.txt'. */
export function rowsOf(rows: readonly Omit<Row, 'line'>[]): Dataset {
  return datasetOf(
    rows.map((row, i) => ({ line: i + 2, ...row })),
    { path: 'here.txt', format: 'test', columns: { text: 'text' } },
  );
}

export function begin(task: string, context: Partial<TaskContext> = {}): TaskRun {
  return taskNamed(task).begin({
    path: 'here.txt',
    tokenizer: tiny,
    maxLength: 64,
    labels: [],
    pooling: 'mean',
    seed: 0,
    ...context,
  });
}

/** Measures sessions that share a task. */
export async function measure(
  task: string,
  dataset: Dataset,
  sessions: readonly Session[],
  context: Partial<TaskContext> = {},
  options: EvaluateOptions = {},
): Promise<Evaluations> {
  const run = begin(task, context);
  await checkGold(dataset, [{ run }]);
  const padding = { padId: tiny.padId, padSide: tiny.padSide };
  return evaluate(
    task,
    dataset,
    sessions.map((session) => ({ session, run, padding })),
    { batch: 4, ...options },
  );
}
