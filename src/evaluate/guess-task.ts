// Guesses what a model is for, from its config, its outputs and the data that comes with it.
import type { ModelConfig } from '../data/config.ts';
import type { Row, ShownColumns } from '../data/dataset.ts';
import type { ValueSpec } from '../runtime/session.ts';

export interface TaskGuess {
  /** Name of the task; it may be one that cannot be measured yet, `taskNamed` tells. */
  readonly task: string;
  /** What it was guessed from, as shown to the user. */
  readonly from: string;
}

/** Endings of the class names of transformers. */
const byArchitecture: readonly (readonly [RegExp, string])[] = [
  [/ForSequenceClassification$/, 'text-classification'],
  [/ForTokenClassification$/, 'token-classification'],
  [/ForQuestionAnswering$/, 'question-answering'],
  [/ForMaskedLM$|ForPreTraining$/, 'fill-mask'],
];

/**
 * The task of a model: by its architecture, else by the names and ranks of its outputs. An encoder without a head is
 * measured by sentence similarity where the data has pairs with scores, by retrieval where it has queries or pairs
 * without a score, and by feature extraction otherwise.
 */
export function guessTask(config: ModelConfig | undefined, outputs: readonly ValueSpec[], data?: DataLook): TaskGuess {
  const architecture = config?.architectures[0] ?? '';
  const known = byArchitecture.find(([pattern]) => pattern.test(architecture));
  if (known !== undefined) return { task: known[1], from: `architecture ${architecture}` };
  return byOutputs(outputs) ?? byData(data);
}

function byOutputs(outputs: readonly ValueSpec[]): TaskGuess | undefined {
  const output = (name: string): ValueSpec | undefined => outputs.find((one) => one.name === name);
  if (output('start_logits') !== undefined && output('end_logits') !== undefined) {
    return { task: 'question-answering', from: 'outputs start_logits and end_logits' };
  }
  const logits = output('logits');
  if (logits?.shape.length === 2) return { task: 'text-classification', from: 'output logits [batch, classes]' };
  if (logits?.shape.length === 3) {
    const vocabulary = typeof logits.shape[2] === 'number' && logits.shape[2] > 500;
    return {
      task: vocabulary ? 'fill-mask' : 'token-classification',
      from: 'output logits [batch, sequence, …]',
    };
  }
  return undefined;
}

/** As much of the data as a guess needs: its columns and its first rows. */
export interface DataLook {
  readonly columns: ShownColumns;
  readonly rows: readonly Row[];
}

function byData(data: DataLook | undefined): TaskGuess {
  if (data?.columns.textPair !== undefined) {
    if (data.columns.label === undefined) return { task: 'retrieval', from: 'an encoder, and pairs without a score' };
    if (/^quer(y|ies)$/i.test(data.columns.text)) return { task: 'retrieval', from: 'an encoder, and graded queries' };
    const numbers = data.rows.every((row) => Number.isFinite(Number(row.label)));
    if (numbers) return { task: 'sentence-similarity', from: 'an encoder, and pairs of sentences with scores' };
  }
  return { task: 'feature-extraction', from: 'an encoder' };
}
