// Runs several models over the rows of a data set, a window at a time, and scores each of them and each against the first.
import type { ModelConfig } from '../data/config.ts';
import type { Dataset, Row } from '../data/dataset.ts';
import type { Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { DataError } from '../errors.ts';
import type { Session } from '../runtime/session.ts';
import type { ChosenOutput } from './outputs.ts';
import { checkRoles, rolesByName, type FixedShape, type InputRoles } from './roles.ts';
import type { Example, Outcome, Tally, Task, TaskRun } from './task.ts';
import { Versus, type Difference } from './versus.ts';
import { runWindow, type Padding, type Subject, type WindowOptions } from './window.ts';

/** A model with the task it is to do; models that share tokenizer and labels share the run. */
export interface Contestant {
  readonly session: Session;
  readonly run: TaskRun;
  readonly padding: Padding;
  /** Inputs by meaning; default by their names. */
  readonly roles?: InputRoles | undefined;
  /** Names of the labels that `run` counts in; models with other labels are compared by what they say, not by scores. */
  readonly labels?: readonly string[] | undefined;
  /** For each of the labels where its score stands in this model's outputs; absent where in order. */
  readonly columns?: readonly number[] | undefined;
  /** The only output that `run` is shown, of a model with several heads. */
  readonly output?: string | undefined;
}

export interface EvaluateOptions extends WindowOptions {
  /** How many of the worst changed examples are kept; default none. */
  readonly showChanged?: number | undefined;
  /** Called after every batch with the share of all the work that is done, as parts of `total`. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** What one model scored. */
export interface Evaluation extends Outcome {
  readonly task: string;
  readonly metric?: string;
  /** The outputs that were read, and why those. */
  readonly outputs: readonly ChosenOutput[];
  /** Wall time of the runs in seconds. */
  readonly seconds: number;
}

export interface Evaluations {
  /** As many as contestants, in their order. */
  readonly models: readonly Evaluation[];
  /** Every contestant but the first, against the first. */
  readonly differences: readonly Difference[];
}

/** Rows of a window: enough for batches of equal lengths, few enough that memory does not follow the data. */
const windowRows = 512;

/** @throws DataError where the task needs a column that the data has not */
export function requireColumns(task: Task, { path, columns }: Dataset): void {
  const names = { label: 'a label', textPair: 'a second text', tags: 'tagged words', answers: 'answers' };
  const missing = task.needs.find((need) => columns[need] === undefined);
  if (missing === undefined) return;
  const found = Object.entries(columns).map(([role, name]) => `${role} '${name}'`);
  throw new DataError(`${path}: expected ${names[missing]} column for ${task.name}, found only ${found.join(', ')}`);
}

/** Reads what every row should give, so that a label that cannot be used stops the work before it begins. @throws DataError with its line */
export async function checkGold(
  dataset: Dataset,
  models: readonly { readonly run: TaskRun; readonly name?: string | undefined }[],
): Promise<void> {
  const names = new Map(models.toReversed().map(({ run, name }) => [run, name]));
  for await (const row of dataset.rows()) for (const [run, name] of names) readGold(run, row, name);
}

/** @param name of the model whose labels these are, where the original's are others */
function readGold(run: TaskRun, row: Row, name: string | undefined): void {
  try {
    run.gold(row);
  } catch (error) {
    if (name === undefined || !(error instanceof DataError)) throw error;
    throw new DataError(`${name}: its labels are others than the original's: ${error.message}`, { cause: error });
  }
}

/**
 * Most tokens of a sequence: what was asked for, but no more than the model's fixed input, its position table and
 * its tokenizer allow; 512 where nothing says anything.
 */
export function sequenceLimit(limits: {
  readonly asked?: number | undefined;
  readonly fixed?: FixedShape | undefined;
  readonly config?: ModelConfig | undefined;
  readonly tokenizer?: Pick<Tokenizer, 'maxLength'> | undefined;
}): number {
  const known = [limits.asked, limits.fixed?.sequence, limits.config?.maxPositions, limits.tokenizer?.maxLength];
  const numbers = known.filter((limit) => limit !== undefined);
  return numbers.length === 0 ? 512 : Math.min(...numbers);
}

/**
 * Measures models on the rows of a data set.
 * @throws ModelError where an input cannot be fed, no output serves the task, or a run fails; DataError for a row that
 * cannot be used
 */
export async function evaluate(
  task: string,
  dataset: Dataset,
  contestants: readonly Contestant[],
  options: EvaluateOptions = {},
): Promise<Evaluations> {
  const lanes = contestants.map(laneOf);
  const [first, ...others] = lanes;
  const versus = others.map((lane) => new Versus(first!, lane, options.showChanged ?? 0));
  const total = dataset.size * lanes.length;
  let done = 0;
  for await (const rows of windowsOf(dataset.rows(), windowRows)) {
    const encoded = encodeFor(lanes, rows);
    const predictions: (readonly unknown[])[] = [];
    for (const lane of lanes) {
      const before = done;
      const progress = (part: number, of: number): void =>
        options.progress?.(before + (rows.length * part) / Math.max(1, of), total);
      predictions.push(await runLane(lane, encoded.get(lane.run)!, { ...options, progress }));
      options.progress?.((done += rows.length), total);
    }
    const examples = encoded.get(first!.run)!;
    versus.forEach((pair, i) =>
      examples.forEach((example, row) => pair.add(example, predictions[0]![row], predictions[i + 1]![row])),
    );
  }
  const models = lanes.map((lane) => finishLane(lane, task));
  return {
    models,
    differences: versus.map((pair, i) => pair.finish(models[0]!.embeddings, models[i + 1]!.embeddings)),
  };
}

/** A contestant on its way through the rows. */
interface Lane extends Contestant {
  readonly subject: Subject;
  readonly tally: Tally;
  seconds: number;
}

function laneOf(contestant: Contestant): Lane {
  const { session, run, output } = contestant;
  const outputs = output === undefined ? session.outputs : session.outputs.filter(({ name }) => name === output);
  const roles = contestant.roles ?? rolesByName(session.inputs);
  checkRoles(session.inputs, roles);
  const subject = { session, roles, outputs: run.outputs(outputs), columns: contestant.columns };
  return { ...contestant, subject, tally: run.tally(), seconds: 0 };
}

/** The examples of a window for each different run, tokenized once. */
function encodeFor(lanes: readonly Lane[], rows: readonly Row[]): Map<TaskRun, readonly Example[]> {
  const encode = (run: TaskRun): Example[] =>
    rows.map((row) => {
      const gold = run.gold(row);
      return { row, gold, sequences: run.encode(row, gold) };
    });
  return new Map([...new Set(lanes.map((lane) => lane.run))].map((run) => [run, encode(run)]));
}

async function runLane(lane: Lane, examples: readonly Example[], options: WindowOptions): Promise<readonly unknown[]> {
  const started = performance.now();
  const predictions = await runWindow(lane.subject, lane.run, examples, lane.padding, options);
  examples.forEach((example, i) => lane.tally.add(example, predictions[i]));
  lane.seconds += (performance.now() - started) / 1000;
  return predictions;
}

function finishLane({ run, subject, tally, seconds }: Lane, task: string): Evaluation {
  return {
    task,
    ...(run.metric === undefined ? {} : { metric: run.metric }),
    outputs: subject.outputs,
    seconds,
    ...tally.finish(),
  };
}

async function* windowsOf(rows: AsyncIterable<Row>, size: number): AsyncIterable<readonly Row[]> {
  let window: Row[] = [];
  for await (const row of rows) {
    window.push(row);
    if (window.length < size) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}
