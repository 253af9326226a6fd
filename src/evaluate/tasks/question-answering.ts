// Question answering: an answer cut out of a context, by F1 and exact match as the scripts of SQuAD 1.1 and 2.0 score it.
import type { Row } from '../../data/dataset.ts';
import type { Encoding, WindowEncoding } from '../../data/tokenizer/tokenizer.ts';
import { DataError, ModelError } from '../../errors.ts';
import type { ValueSpec } from '../../runtime/session.ts';
import { AnswerTally, type Answer, type Answers, type WindowScores } from '../answer-tally.ts';
import { floatOutputs, type ChosenOutput } from '../outputs.ts';
import { allFinite } from '../pooling.ts';
import type { SequenceValues } from '../sequence-values.ts';
import { bestSpan, type Span } from '../spans.ts';
import { scoreAnswer } from '../squad.ts';
import type { Example, Task, TaskContext, TaskRun } from '../task.ts';

export const questionAnswering: Task = {
  name: 'question-answering',
  needs: ['textPair', 'answers'],
  begin: (context) => answerRun(context),
};

/** Tokens that a window shares with the one before, as run_qa has it for 384 tokens; a third of a shorter window. */
const stride = 128;

function answerRun({ path, tokenizer, maxLength }: TaskContext): TaskRun<Answers, WindowScores, Answer> {
  /** Of the sequences of the window of rows at work: where their tokens stand in the context. */
  const offsets = new WeakMap<Encoding, Int32Array>();
  // Whether "no answer" may be predicted follows from all rows, so their gold must be asked for before any prediction.
  const data = { unanswerable: false, predicting: false };
  return {
    metric: 'f1',
    classes: 'softmax',
    gold(row) {
      const answers = answersOf(path, row);
      if (answers.length === 0 && !data.unanswerable) {
        if (data.predicting) throw new Error('question-answering: expected the gold of every row before a prediction');
        data.unanswerable = true;
      }
      return answers;
    },
    encode(row) {
      const windows = windowsOf(path, row, (question, context) =>
        tokenizer.encodeWindows(question, context, maxLength, Math.min(stride, Math.floor(maxLength / 3))),
      );
      for (const window of windows) offsets.set(window.encoding, window.offsets);
      return windows.map((window) => window.encoding);
    },
    outputs: chooseEnds,
    reduce: ([start, end], { sequences }, index) => windowScores(start!, end!, offsets.get(sequences[index]!)!),
    predict(example, windows) {
      data.predicting = true;
      return answerOf(example, windows, data.unanswerable);
    },
    tally: () => new AnswerTally(() => data.unanswerable),
    vectors: ({ windows }) => windows.flatMap(({ start, end }) => [start, end]),
    show: ({ text, finite }) => (finite ? showAnswer(text) : 'no number'),
    showGold: (answers) => [...new Set(answers.length === 0 ? [''] : answers)].map(showAnswer).join(' | '),
    loss: (_, before, after) => before.f1 - after.f1,
  };
}

function showAnswer(text: string): string {
  return text === '' ? '(no answer)' : text;
}

function answersOf(path: string, row: Row): Answers {
  if (row.textPair === undefined || row.answers === undefined) {
    const missing = row.textPair === undefined ? 'a question' : 'answers';
    throw new DataError(`${path} line ${row.line}: expected a context, a question and answers, found no ${missing}`);
  }
  return row.answers;
}

/** @throws DataError with the line of a question that leaves no room to its context */
function windowsOf(
  path: string,
  { line, text, textPair = '' }: Row,
  encode: (question: string, context: string) => readonly WindowEncoding[],
): readonly WindowEncoding[] {
  try {
    return encode(textPair.trimStart(), text);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`${path} line ${line}: ${error.message}`, { cause: error });
  }
}

/** The logits of starts and ends by name, else the only two float outputs of rank 2 in their order. */
function chooseEnds(specs: readonly ValueSpec[]): readonly ChosenOutput[] {
  const floats = floatOutputs(specs);
  const [start, ...starts] = floats.filter(({ name }) => /start/i.test(name));
  const [end, ...ends] = floats.filter(({ name }) => /end/i.test(name));
  if (start && end && start !== end && starts.length + ends.length === 0) {
    return [start, end].map(({ name }) => ({ name, per: 'token', how: 'by name' }));
  }
  const pairs = floats.filter(({ shape }) => shape.length === 2);
  if (pairs.length !== 2) {
    throw new ModelError(
      `outputs: expected start_logits and end_logits, found ${specs.map(({ name }) => name).join(', ')}`,
    );
  }
  return pairs.map(({ name }) => ({ name, per: 'token', how: 'the float outputs of rank 2 in their order' }));
}

function windowScores(start: SequenceValues, end: SequenceValues, offsets: Int32Array): WindowScores {
  for (const { name, width } of [start, end]) {
    if (width !== 1) throw new ModelError(`output '${name}': expected one logit a token, found ${width}`);
  }
  const finite = allFinite(start.data) && allFinite(end.data);
  const best = finite ? bestSpan(start.data, end.data, offsets) : undefined;
  return { start: start.data.slice(), end: end.data.slice(), best, finite };
}

/**
 * The best span of all windows, the first of equals. Where data has unanswerable questions, no answer is better if the
 * least score of the first token ([CLS]) in any window is above it (threshold 0). NaN is wrong whatever the question.
 */
function answerOf({ row, gold }: Example<Answers>, windows: readonly WindowScores[], unanswerable: boolean): Answer {
  if (!windows.every(({ finite }) => finite)) return { text: '', exact: 0, f1: 0, windows, finite: false };
  let best: Span | undefined;
  for (const { best: span } of windows) if (span && (best === undefined || span.score > best.score)) best = span;
  const none = Math.min(...windows.map(({ start, end }) => start[0]! + end[0]!));
  const text = best === undefined || (unanswerable && none > best.score) ? '' : row.text.slice(best.from, best.to);
  return { text, ...scoreAnswer(text, gold, unanswerable), windows, finite: true };
}
