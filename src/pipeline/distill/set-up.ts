// All that is known before the first step of a distillation: student, rows, terms of the loss, weights, teachers' graphs.
import { loadConfig, type ModelConfig } from '../../data/config.ts';
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { UsageError } from '../../errors.ts';
import { sequenceLimit } from '../../evaluate/evaluate.ts';
import { commonShape } from '../../evaluate/roles.ts';
import type { Text } from '../../objectives/augment.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import type { Goal } from '../../objectives/goal.ts';
import type { Model } from '../../ir/graph.ts';
import { trainableWeights, type Trainable } from '../../passes/head/trainable.ts';
import { DistilledValues } from '../../passes/student/distilled-values.ts';
import { matchStudent, type Terms } from '../../passes/student/match.ts';
import type { Signal } from '../../passes/student/teacher-graph.ts';
import type { Term } from '../../train/distillation.ts';
import { studentOf, type Student, type StudentOptions } from './student.ts';
import { readDistillRows, type DistillRows, type RowOptions } from './rows.ts';
import { readOthers, readTeacher, refuseUnfeedable, type KnownTeacher, type TeacherChoice } from './teachers.ts';
import type { Events } from '../events.ts';
import { feedingOf } from '../learn/feeding.ts';
import type { KnownModel } from '../known-model.ts';

type TermOptions = { readonly [K in keyof Omit<Terms, 'binary'>]?: Terms[K] | undefined };

/** What is compared, and what is trained. */
export interface MatchingOptions extends TermOptions {
  /** Weight of what the labels say; needs labels. */
  readonly hard?: number | undefined;
  readonly freeze?: readonly string[] | undefined;
  readonly trainEmbeddings?: boolean | undefined;
  readonly seed: number;
}

export interface DistillSetUpOptions extends RowOptions, StudentOptions, MatchingOptions {
  readonly teacher: string;
  /** Of the teacher beside the others; default 1. */
  readonly teacherWeight?: number | undefined;
  /** Others whose class scores or text vectors are mixed with the teacher's. */
  readonly teachers?: readonly TeacherChoice[] | undefined;
  readonly maxLength?: number | undefined;
  readonly batch: number;
}

/** A teacher and its graph with what the loss needs as outputs. */
export interface AskedTeacher extends KnownTeacher {
  readonly model: Model;
  readonly signals: readonly Signal[];
}

export interface DistillSetUp extends DistillRows {
  readonly teacher: KnownModel;
  /** The first is `teacher`. */
  readonly teachers: readonly AskedTeacher[];
  readonly student: Student;
  /** What sample `row` is of. */
  textOf(row: number): Text;
  readonly terms: readonly Term[];
  readonly trainable: Trainable;
  readonly feeding: Feeding;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  /** Weights of the terms, for the report. */
  readonly weights: Readonly<Record<string, number | string>>;
}

/** Throws UsageError, ModelError, DataError. */
export async function setUpDistill(options: DistillSetUpOptions, events: Events): Promise<DistillSetUp> {
  const first = await readTeacher({ model: options.teacher, weight: options.teacherWeight }, 'teacher', options);
  const { known: teacher, values, tokenizer, config, pooling, ownPooling } = first;
  const student = await studentOf(teacher, options, events);
  const { feeding, maxLength } = await studentTokens(first, student);
  const tokens = { fingerprint: tokenizer.fingerprint, feeding, maxLength };
  const others = await readOthers(options.teachers ?? [], first, tokens, options);
  const logits = values.logits();
  const scores = logits.length > 0;
  const spans = logits[0]?.kind === 'span-logits';
  const plain = pooling === 'given' ? (ownPooling ?? 'mean') : pooling;
  const reader = { student: student.known, tokenizer, config, maxLength, scores, spans, feeding, pooling: plain };
  const rows = await readDistillRows(reader, options);
  return matchOn({ first, others, student, feeding, maxLength, rows }, options);
}

/** Who learns from whom, on which rows. */
export interface Pair {
  readonly first: KnownTeacher;
  readonly others: readonly KnownTeacher[];
  readonly student: Student;
  readonly feeding: Feeding;
  readonly maxLength: number;
  readonly rows: DistillRows;
}

/** The terms of the loss and the weights that are trained. Throws UsageError, ModelError. */
export function matchOn(pair: Pair, options: MatchingOptions): DistillSetUp {
  const { first, others, student, feeding, maxLength, rows } = pair;
  const { known: teacher, values, tokenizer, config, pooling } = first;
  const scores = values.logits().length > 0;
  const chosen = termsOf(options, { scores, learns: rows.goal !== undefined, pooling, binary: rows.binary });
  const learner = new DistilledValues('student', student.known.model, student.known.recognition, student.outputs);
  const matching = { ...chosen, layers: student.layers, half: true, seed: options.seed };
  const matched = matchStudent([first, ...others], learner, matching);
  const goal = chosen.hard > 0 ? rows.goal : undefined;
  const { freeze, trainEmbeddings: embeddings } = options;
  const found = trainableWeights(matched.student, student.known.recognition, { freeze, embeddings });
  return {
    ...rows,
    teacher,
    teachers: matched.teachers.map((asked, i) => ({ ...[first, ...others][i]!, ...asked })),
    textOf: (row) => rows.texts[row]!,
    student,
    goal,
    terms: [...matched.terms, ...(goal ? [hardTerm(goal, chosen.hard)] : [])],
    trainable: { ...found, weights: [...found.weights, ...matched.projections] },
    feeding,
    tokenizer,
    config,
    maxLength,
    weights: weightsOf(chosen),
  };
}

/** What student and first teacher both take: as many tokens, and the shape that one of them may be fixed to. Throws ModelError. */
async function studentTokens(
  first: KnownTeacher,
  { known }: Student,
): Promise<{ readonly feeding: Feeding; readonly maxLength: number }> {
  const own = feedingOf(known, first.tokenizer);
  const feeding = { ...own, fixed: commonShape(own.fixed, first.feeding.fixed) };
  refuseUnfeedable(first, true, feeding);
  const mine = sequenceLimit({ asked: first.maxLength, fixed: own.fixed, config: await loadConfig(known.path.folder) });
  return { feeding, maxLength: mine };
}

function hardTerm(goal: Goal, weight: number): Term {
  return { kind: 'hard', weight, append: (builder) => goal.appendLoss(builder) };
}

/** For the report. */
function weightsOf({ binary: _binary, ...chosen }: Terms & { readonly hard: number }): Record<string, number | string> {
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== 0));
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
  options: MatchingOptions,
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
