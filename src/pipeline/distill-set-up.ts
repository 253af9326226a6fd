// All that is known before the first step of a distillation: student, rows, terms of the loss, weights, teacher's graph.
import { loadConfig, loadPooling, type ModelConfig } from '../data/config.ts';
import type { Row } from '../data/dataset.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { UsageError } from '../errors.ts';
import { sequenceLimit } from '../evaluate/evaluate.ts';
import { checkRoles, fixedShape, rolesByName } from '../evaluate/roles.ts';
import type { Feeding } from '../objectives/batch-source.ts';
import { guessFitTask, type FitTask } from '../objectives/fit-task.ts';
import type { Goal, Sample } from '../objectives/goal.ts';
import { trainableWeights, type Trainable } from '../passes/head/trainable.ts';
import { DistilledValues } from '../passes/student/distilled-values.ts';
import { matchStudent, type Matched, type Terms } from '../passes/student/match.ts';
import type { Term } from '../train/distillation.ts';
import { studentOf, type Student, type StudentOptions } from './distill-student.ts';
import type { Events } from './events.ts';
import { openFitData, readFitData, type FitData, type FitDataOptions } from './fit-data.ts';
import { devSetOf } from './fit-dev.ts';
import { prepareGoal } from './fit-goal.ts';
import { chooseHead, outputFor } from './fit-head.ts';
import { readKnownModel, type KnownModel } from './known-model.ts';
import type { DevSet } from './training.ts';

type TermOptions = { readonly [K in keyof Omit<Terms, 'binary'>]?: Terms[K] | undefined };

export interface DistillSetUpOptions extends FitDataOptions, StudentOptions, TermOptions {
  readonly teacher: string;
  readonly task?: FitTask | undefined;
  /** Weight of what the labels say; needs labels. */
  readonly hard?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly freeze?: readonly string[] | undefined;
  readonly trainEmbeddings?: boolean | undefined;
  readonly batch: number;
}

/** A text, or pair, and what its label says. */
export type DistillSample = Sample<{ readonly row: number; readonly label: unknown }>;

export interface DistillSetUp {
  readonly teacher: KnownModel;
  readonly student: Student;
  readonly data: FitData;
  readonly samples: readonly DistillSample[];
  readonly goal: Goal | undefined;
  readonly terms: readonly Term[];
  readonly matched: Matched;
  readonly trainable: Trainable;
  readonly feeding: Feeding;
  readonly teacherFeeding: Feeding;
  readonly dev: DevSet | undefined;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  /** Weights of the terms, for the report. */
  readonly weights: Readonly<Record<string, number | string>>;
  readonly notes: readonly string[];
}

/** Throws UsageError, ModelError, DataError. */
export async function setUpDistill(options: DistillSetUpOptions, events: Events): Promise<DistillSetUp> {
  const teacher = readKnownModel(options.teacher);
  const { folder } = teacher.path;
  const [tokenizer, config, folderPooling] = await Promise.all([
    loadTokenizer(folder),
    loadConfig(folder),
    loadPooling(folder),
  ]);
  const student = await studentOf(teacher, options, events);
  const [teacherFeeding, feeding] = [feedingOf(teacher, tokenizer), feedingOf(student.known, tokenizer)];
  const maxLength = sequenceLimit({ asked: options.maxLength, fixed: feeding.fixed, config, tokenizer });
  const values = new DistilledValues('teacher', teacher.model, teacher.recognition);
  const scores = values.logits().length > 0;
  const pooling = options.pooling ?? (values.sentence() ? 'given' : (folderPooling ?? 'mean'));

  const dataset = await openFitData(options);
  const look = { path: dataset.path, columns: dataset.columns, rows: await firstRows(dataset.rows()) };
  const labelled = dataset.columns.label !== undefined || dataset.columns.tags !== undefined;
  const outputs = { classes: scores, vocabulary: outputFor('fill-mask', teacher.recognition) !== undefined };
  const task = options.task ?? (labelled ? guessFitTask({ ...look, config, ...outputs }).task : undefined);
  const data = await readFitData(dataset, labelled ? options : { ...options, split: 0 }, ({ label }) => label ?? '');
  const learns = scores && labelled && task !== undefined && task !== 'fill-mask' && task !== 'sentence-similarity';
  const rows = { path: dataset.path, rows: [...data.train, ...data.devRows], classes: dataset.classes };
  const seed = options.seed;
  const head = learns ? keptHead(student.known, config, task, rows, seed) : undefined;
  const material = {
    path: dataset.path,
    tokenizer,
    maxLength,
    pooling: pooling === 'given' ? 'mean' : pooling,
    train: data.train,
    dev: data.devRows,
  } as const;
  const prepared = head && prepareGoal(task!, head, material, {});

  const chosen = termsOf(options, {
    scores,
    learns: prepared !== undefined,
    pooling,
    binary: task === 'multi-label-classification',
  });
  const matched = matchStudent(values, new DistilledValues('student', student.known.model, student.known.recognition), {
    ...chosen,
    layers: student.layers,
    half: true,
    seed,
  });
  const goal = chosen.hard > 0 ? prepared?.goal : undefined;
  const hard: Term[] = goal
    ? [{ kind: 'hard', weight: chosen.hard, append: (builder) => goal.appendLoss(builder) }]
    : [];
  const found = trainableWeights(matched.student, student.known.recognition, {
    freeze: options.freeze,
    embeddings: options.trainEmbeddings,
  });
  const trainable = { ...found, weights: [...found.weights, ...matched.projections] };
  const judging = {
    tokenizer,
    config,
    labels: head?.labels ?? [],
    maxLength,
    pooling: material.pooling,
    roles: feeding.roles,
    batch: 32,
    seed,
  };
  const judged = learns || task === 'sentence-similarity' ? task : undefined;
  const dev =
    data.dev && judged && (await devSetOf(judged, { task: prepared?.goal.task ?? judged }, data.dev, judging));
  const samples = numbered(prepared?.samples ?? plainSamples(data.train, { tokenizer, maxLength }, scores));
  return {
    teacher,
    student,
    data,
    samples,
    goal,
    matched,
    trainable,
    feeding,
    teacherFeeding,
    dev,
    tokenizer,
    config,
    maxLength,
    terms: [...matched.terms, ...hard],
    weights: Object.fromEntries(
      Object.entries(chosen).filter(
        ([, value]) => typeof value === 'string' || (typeof value === 'number' && value > 0),
      ),
    ) as Record<string, number | string>,
    notes: [...data.notes, ...(prepared?.notes ?? [])],
  };
}

/** The teacher's head is the student's, so labels that it lacks are an error. */
function keptHead(
  student: KnownModel,
  config: ModelConfig | undefined,
  task: FitTask,
  rows: Parameters<typeof chooseHead>[3],
  seed: number,
): ReturnType<typeof chooseHead> {
  const choice = chooseHead(student, config, task, rows, { seed });
  if (choice.step)
    throw new UsageError(
      `${rows.path}: expected the teacher's labels, found others: ${choice.notes.join('; ') || choice.labels.slice(0, 8).join(', ')} (without --label the teacher alone is learned from)`,
    );
  return choice;
}

interface Facts {
  readonly scores: boolean;
  /** There are labels that the head can learn from. */
  readonly learns: boolean;
  readonly pooling: Terms['pooling'];
  readonly binary: boolean;
}

/**
 * What was asked for; by default with class scores T^2 KL of soft targets at T = 2, half the labels' cross-entropy and the
 * squared error of hidden states, without them the cosine of text vectors and hidden states.
 */
function termsOf(
  options: DistillSetUpOptions,
  { scores, learns, pooling, binary }: Facts,
): Terms & { readonly hard: number } {
  const {
    hard,
    soft,
    temperature = 2,
    hidden = 1,
    scores: attention = 0,
    relations = 0,
    embedding,
    embeddingForm = 'cosine',
  } = options;
  if (hard !== undefined && hard > 0 && !learns)
    throw new UsageError(
      `--hard: expected rows with labels for the teacher's head, found ${scores ? 'none' : 'a teacher without class scores'}`,
    );
  const terms = {
    soft: soft ?? (scores ? 1 : 0),
    hidden,
    scores: attention,
    relations,
    embedding: embedding ?? (scores ? 0 : 1),
    hard: hard ?? (learns ? 0.5 : 0),
  };
  if (Object.values(terms).every((weight) => weight === 0))
    throw new UsageError('losses: expected a weight above 0, found none');
  if (!(temperature > 0)) throw new UsageError(`--temperature: expected a number above 0, found ${temperature}`);
  return { ...terms, temperature, embeddingForm, pooling, binary };
}

/** A classifier reads pairs; an encoder embeds each text for itself. */
function plainSamples(
  rows: readonly Row[],
  { tokenizer, maxLength }: { readonly tokenizer: Tokenizer; readonly maxLength: number },
  pairs: boolean,
): Sample[] {
  const encode = (text: string, pair?: string): Sample => ({
    sequences: [tokenizer.encode(text, pair, maxLength)],
    target: undefined,
  });
  if (pairs) return rows.map(({ text, textPair }) => encode(text, textPair));
  const texts = new Set(rows.flatMap(({ text, textPair }) => (textPair === undefined ? [text] : [text, textPair])));
  return [...texts].map((text) => encode(text));
}

function numbered(samples: readonly Sample[]): DistillSample[] {
  return samples.map(({ sequences, target }, row) => ({ sequences, target: { row, label: target } }));
}

function feedingOf({ inputs, roles }: KnownModel, { padId, padSide }: Tokenizer): Feeding {
  const known = roles ?? rolesByName(inputs);
  checkRoles(inputs, known);
  return { inputs, roles: known, fixed: fixedShape(inputs, known), padId, padSide };
}

/** How many rows a guess looks at. */
const LOOK = 200;

async function firstRows(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) if (found.push(row) >= LOOK) break;
  return found;
}
