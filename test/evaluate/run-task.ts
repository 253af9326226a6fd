// Runs a task over rows with a function in the place of the model: what a task does with given outputs.
import type { Row } from '../../src/data/dataset.ts';
import type { Encoding } from '../../src/data/tokenizer/tokenizer.ts';
import type { SequenceValues } from '../../src/evaluate/sequence-values.ts';
import type { Example, Outcome, TaskRun } from '../../src/evaluate/task.ts';

/** The outputs of a model for a sequence of a row. */
export type FakeModel = (encoding: Encoding, row: Row, index: number) => SequenceValues;

export interface Ran<Gold, Prediction> {
  readonly examples: readonly Example<Gold>[];
  readonly predictions: readonly Prediction[];
  readonly outcome: Outcome;
}

/** All that a runner does with a run, in its order: gold of all rows, a tally, then gold and encode again, reduce, predict, and what the tally adds up. */
export function runTask<Gold, Part, Prediction>(
  run: TaskRun<Gold, Part, Prediction>,
  rows: readonly Row[],
  model: FakeModel,
): Ran<Gold, Prediction> {
  for (const row of rows) run.gold(row);
  const tally = run.tally();
  const examples = rows.map((row) => {
    const gold = run.gold(row);
    return { row, gold, sequences: run.encode(row, gold) };
  });
  const predictions = examples.map((example) => {
    const parts = example.sequences.map((encoding, i) => run.reduce([model(encoding, example.row, i)], example, i));
    return run.predict(example, parts);
  });
  examples.forEach((example, i) => tally.add(example, predictions[i]!));
  return { examples, predictions, outcome: tally.finish() };
}

/** One vector a sequence. */
export function vectorOf(values: ArrayLike<number>): SequenceValues {
  return { name: 'out', data: Float32Array.from(values), tokens: 0, width: values.length };
}

/** Rows of a file with a header. */
export function rowsOf(rows: readonly Omit<Row, 'line'>[]): Row[] {
  return rows.map((row, i) => ({ line: i + 2, ...row }));
}
