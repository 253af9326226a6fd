// All that is known before the first step of a distillation: student, rows, terms of the loss, weights, teacher's graph.
import { loadConfig, loadPooling, type ModelConfig } from '../data/config.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { UsageError } from '../errors.ts';
import { sequenceLimit } from '../evaluate/evaluate.ts';
import { checkRoles, fixedShape, rolesByName } from '../evaluate/roles.ts';
import type { Feeding } from '../objectives/batch-source.ts';
import type { Goal } from '../objectives/goal.ts';
import { trainableWeights, type Trainable } from '../passes/head/trainable.ts';
import { DistilledValues } from '../passes/student/distilled-values.ts';
import { matchStudent, type Matched, type Terms } from '../passes/student/match.ts';
import type { Term } from '../train/distillation.ts';
import { studentOf, type Student, type StudentOptions } from './distill-student.ts';
import { readDistillRows, type DistillRows, type RowOptions } from './distill-rows.ts';
import type { Events } from './events.ts';
import { readKnownModel, type KnownModel } from './known-model.ts';

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
  readonly maxLength?: number | undefined;
  readonly batch: number;
}

export interface DistillSetUp extends DistillRows {
  readonly teacher: KnownModel;
  readonly student: Student;
  readonly terms: readonly Term[];
  readonly matched: Matched;
  readonly trainable: Trainable;
  readonly feeding: Feeding;
  readonly teacherFeeding: Feeding;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  /** Weights of the terms, for the report. */
  readonly weights: Readonly<Record<string, number | string>>;
}

/** Throws UsageError, ModelError, DataError. */
export async function setUpDistill(options: DistillSetUpOptions, events: Events): Promise<DistillSetUp> {
  const teacher = readKnownModel(options.teacher);
  const student = await studentOf(teacher, options, events);
  const { folder } = teacher.path;
  const [tokenizer, config, own] = await Promise.all([loadTokenizer(folder), loadConfig(folder), loadPooling(folder)]);
  const feeding = feedingOf(student.known, tokenizer);
  const maxLength = sequenceLimit({ asked: options.maxLength, fixed: feeding.fixed, config, tokenizer });
  const scores = new DistilledValues('teacher', teacher.model, teacher.recognition).logits().length > 0;
  const asked = options.pooling === 'given' ? undefined : options.pooling;
  const reader = { student: student.known, tokenizer, config, maxLength, scores, feeding };
  const rows = await readDistillRows({ ...reader, pooling: asked ?? own ?? 'mean' }, options);
  return matchOn({ ...rows, teacher, student, tokenizer, config, maxLength, own }, options);
}

/** Two models, rows, and how texts become numbers. */
export interface Pair extends DistillRows {
  readonly teacher: KnownModel;
  readonly student: Student;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  /** Pooling that the teacher's folder names. */
  readonly own: 'mean' | 'cls' | 'given' | undefined;
}

/** The terms of the loss and the weights that are trained. Throws UsageError, ModelError. */
export function matchOn(pair: Pair, options: MatchingOptions): DistillSetUp {
  const { teacher, student, tokenizer, own, ...rows } = pair;
  const [teacherFeeding, feeding] = [feedingOf(teacher, tokenizer), feedingOf(student.known, tokenizer)];
  const values = new DistilledValues('teacher', teacher.model, teacher.recognition);
  const scores = values.logits().length > 0;
  const pooling = options.pooling ?? (values.sentence() ? 'given' : (own ?? 'mean'));
  const chosen = termsOf(options, { scores, learns: rows.goal !== undefined, pooling, binary: rows.binary });
  const learner = new DistilledValues('student', student.known.model, student.known.recognition, student.outputs);
  const matching = { ...chosen, layers: student.layers, half: true, seed: options.seed };
  const matched = matchStudent(values, learner, matching);
  const goal = chosen.hard > 0 ? rows.goal : undefined;
  const { freeze, trainEmbeddings: embeddings } = options;
  const found = trainableWeights(matched.student, student.known.recognition, { freeze, embeddings });
  return {
    ...rows,
    teacher,
    student,
    goal,
    terms: [...matched.terms, ...(goal ? [hardTerm(goal, chosen.hard)] : [])],
    matched,
    trainable: { ...found, weights: [...found.weights, ...matched.projections] },
    feeding,
    teacherFeeding,
    tokenizer,
    weights: weightsOf(chosen),
  };
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

/** How a model is fed with texts of a tokenizer. Throws ModelError. */
export function feedingOf({ inputs, roles }: KnownModel, { padId, padSide }: Tokenizer): Feeding {
  const known = roles ?? rolesByName(inputs);
  checkRoles(inputs, known);
  return { inputs, roles: known, fixed: fixedShape(inputs, known), padId, padSide };
}
