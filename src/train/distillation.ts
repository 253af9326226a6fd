// The loss of distillation: terms between values of the student and what the teacher gives for the same texts.
import type { Builder } from '../ir/builder.ts';
import type { ValueInfo } from '../ir/graph.ts';
import {
  cosineDistance,
  kullbackLeibler,
  maskedMean,
  maskedMeanSquaredError,
  meanSquaredError,
  weightedSum,
} from './losses.ts';
import { countOnes, countPairs, countRows } from './pieces.ts';
import type { AppendedLoss, Count } from './types.ts';

/** The loss's own input [batch, sequence] int64: 1 for a token, 0 for padding. */
export const maskInput = 'distill_mask';

/** An input that brings a value of a teacher; float16 is cast to float32. */
export type TeacherInput = ValueInfo & { readonly dtype: 'float32' | 'float16' };

/** A value of the student's graph and the input that brings the teacher's. */
export interface Match {
  readonly student: string;
  readonly teacher: TeacherInput;
}

/** A value of the student's graph and those of one or more teachers. */
export interface Mixed {
  readonly student: string;
  readonly teachers: readonly Share[];
}

/** What one of several teachers says; the weights of all are one together. */
export interface Share {
  readonly teacher: TeacherInput;
  readonly weight: number;
  /** Initializer [student's width, teacher's width], for vectors of another width. */
  readonly projection?: string | undefined;
}

/**
 * One term of the loss, the mean over its matches' sum being left to `weight`: several matches add up, as peers do it.
 * - soft: T^2 KL of class logits, mean over texts (or tokens); `binary`: each class for itself (multi-label);
 *   `positions`: over the sequence (spans); `numbers`: squared error (regression). Of several teachers the mean of the
 *   probabilities at that temperature (of the numbers), by their weights
 * - hidden: squared error of hidden states [batch, sequence, width] over tokens, mean over the width; a projection
 *   [student's width, teacher's width] where they differ (TinyBERT, Jiao et al. 2020)
 * - scores: squared error of attention scores before softmax [batch, heads, sequence, sequence], pairs of tokens (TinyBERT)
 * - attention: KL of the attention distributions, from the same scores; mean over heads and tokens (MiniLM, Wang et al. 2020)
 * - relation: KL of softmax(V V^T / sqrt(d)), V [batch, heads, sequence, d]; mean over heads and tokens (MiniLM)
 * - embedding: one minus cosine, or squared error, of vectors [batch, width]; the weighted sum over teachers
 */
export type Term = { readonly weight: number } & (
  | {
      readonly kind: 'soft';
      readonly form: 'classes' | 'tokens' | 'binary' | 'positions' | 'numbers';
      readonly temperature: number;
      readonly matches: readonly Mixed[];
    }
  | { readonly kind: 'hidden'; readonly matches: readonly (Match & { readonly projection?: string | undefined })[] }
  | { readonly kind: 'scores' | 'attention'; readonly matches: readonly Match[] }
  | {
      readonly kind: 'relation';
      readonly matches: readonly (Match & { readonly sizes: readonly [student: number, teacher: number] })[];
    }
  | {
      readonly kind: 'embedding';
      readonly form: 'cosine' | 'mse';
      readonly matches: readonly Mixed[];
      /** Appends what makes the vectors [batch, width] of the student's value. */
      pool(builder: Builder, value: string): string;
    }
  /** What the labels say, as the task's own loss. */
  | { readonly kind: 'hard'; append(builder: Builder): AppendedLoss }
  /** What the student's weights cost. */
  | { readonly kind: 'penalty'; append(builder: Builder): AppendedLoss }
);

/** Appends the weighted sum of the terms; each is a part that progress shows, without its weight. */
export function appendDistillation(builder: Builder, terms: readonly Term[]): AppendedLoss {
  const mask: ValueInfo = { name: maskInput, dtype: 'int64', shape: ['batch', 'sequence'] };
  const inputs = new Map<string, ValueInfo>([[maskInput, mask]]);
  const made = terms.map((term): { readonly value: string; readonly count?: Count | undefined } => {
    if (term.kind === 'hard' || term.kind === 'penalty') {
      const hard = term.append(builder);
      for (const input of hard.inputs) inputs.set(input.name, input);
      return { value: hard.loss, count: hard.count };
    }
    for (const teacher of teachersOf(term)) inputs.set(teacher.name, teacher);
    return { value: sumOf(builder, termValues(builder, term)), count: countOf(term) };
  });
  const shares = made.flatMap(({ count }) => (count ? [{ input: builder.fresh('share'), count }] : []));
  // where one term cannot be shared, batches are run whole
  const all = shares.length === made.length;
  const values = made.map(({ value }, i) => (all ? builder.op('Mul', [value, shares[i]!.input]) : value));
  return {
    loss: weightedSum(
      builder,
      terms.map(({ weight }, i) => [values[i]!, weight]),
    ),
    inputs: [...inputs.values()],
    parts: Object.fromEntries(terms.map(({ kind }, i) => [kind, values[i]!])),
    shares: all ? shares : [],
  };
}

type MatchedTerm = Exclude<Term, { readonly kind: 'hard' | 'penalty' }>;

/** What a term is a mean over. */
function countOf(term: MatchedTerm): Count {
  if (term.kind === 'scores') return countPairs(maskInput);
  if (term.kind === 'embedding' || (term.kind === 'soft' && term.form !== 'tokens')) return countRows;
  return countOnes(maskInput);
}

function teachersOf(term: MatchedTerm): TeacherInput[] {
  if (term.kind !== 'soft' && term.kind !== 'embedding') return term.matches.map(({ teacher }) => teacher);
  return term.matches.flatMap(({ teachers }) => teachers.map(({ teacher }) => teacher));
}

function sumOf(builder: Builder, values: readonly string[]): string {
  return values.reduce((sum, value) => builder.op('Add', [sum, value]));
}

function termValues(builder: Builder, term: MatchedTerm): string[] {
  const each = <M extends Match>(matches: readonly M[], value: (match: M, teacher: string) => string): string[] =>
    matches.map((match) => value(match, float32(builder, match.teacher)));
  switch (term.kind) {
    case 'soft':
      return term.matches.map((match) => softTerm(builder, match, term));
    case 'hidden':
      return each(term.matches, ({ student, projection }, teacher) =>
        maskedMeanSquaredError(builder, projected(builder, student, projection), teacher, maskInput),
      );
    case 'scores':
      return each(term.matches, ({ student }, teacher) => scoresTerm(builder, student, teacher));
    case 'attention':
      return each(term.matches, ({ student }, teacher) => distributions(builder, student, teacher));
    case 'relation':
      return each(term.matches, ({ student, sizes }, teacher) =>
        distributions(builder, relation(builder, student, sizes[0]), relation(builder, teacher, sizes[1])),
      );
    case 'embedding':
      return term.matches.map((match) => embeddingTerm(builder, match, term));
  }
}

function projected(builder: Builder, value: string, projection: string | undefined): string {
  return projection === undefined ? value : builder.op('MatMul', [value, projection]);
}

function embeddingTerm(
  builder: Builder,
  { student, teachers }: Mixed,
  { form, pool }: Extract<Term, { kind: 'embedding' }>,
): string {
  const distance = form === 'cosine' ? cosineDistance : meanSquaredError;
  const vectors = pool(builder, student);
  return weightedSum(
    builder,
    teachers.map(({ teacher, weight, projection }) => [
      distance(builder, projected(builder, vectors, projection), float32(builder, teacher)),
      weight,
    ]),
  );
}

function float32(builder: Builder, { name, dtype }: Match['teacher']): string {
  return dtype === 'float32' ? name : builder.op('Cast', [name], { to: 1n });
}

function softTerm(builder: Builder, match: Mixed, { form, temperature }: Extract<Term, { kind: 'soft' }>): string {
  const theirs = match.teachers.map(({ teacher, weight }) => [float32(builder, teacher), weight] as const);
  if (form === 'numbers') return meanSquaredError(builder, match.student, weightedSum(builder, theirs));
  const ready = (logits: string): string => {
    if (form === 'binary') return withZero(builder, logits);
    return form === 'positions' ? onTokens(builder, logits, []) : logits;
  };
  const target = mixed(
    builder,
    theirs.map(([logits, weight]) => [ready(logits), weight]),
    temperature,
  );
  const mask = form === 'tokens' ? maskInput : undefined;
  return kullbackLeibler(builder, ready(match.student), target, { temperature, mask });
}

/** Keeps logarithms of probabilities finite, far below what float32 adds to a loss. */
const TINIEST = 1e-30;

/** Logits of the mean of the teachers' probabilities at temperature T: T ln(sum of w softmax(z / T)). */
function mixed(
  builder: Builder,
  teachers: readonly (readonly [logits: string, weight: number])[],
  temperature: number,
): string {
  const [[first]] = teachers as readonly [readonly [string, number]];
  if (teachers.length === 1) return first;
  const shares = teachers.map(([logits, weight]) => {
    const warm = builder.op('Mul', [logits, builder.scalar(1 / temperature)]);
    return [builder.op('Softmax', [warm], { axis: -1n }), weight] as const;
  });
  const mean = builder.op('Max', [weightedSum(builder, shares), builder.scalar(TINIEST)]);
  return builder.op('Mul', [builder.op('Log', [mean]), builder.scalar(temperature)]);
}

/** Logits x [...] as pairs (x, 0) [..., 2]: softmax of a pair is the sigmoid of x. */
function withZero(builder: Builder, logits: string): string {
  const wide = unsqueeze(builder, logits, [-1]);
  return builder.op('Concat', [wide, builder.op('Mul', [wide, builder.scalar(0)])], { axis: -1n });
}

/** What stands for a masked score: exp of it is 0 beside any score, and no product with it is NaN. */
const hidden = -1e4;

/** Scores [batch, ..., sequence] where their last axis is a token, elsewhere `hidden` or 0; `between` are the axes that the mask lacks. */
function onTokens(builder: Builder, scores: string, between: readonly number[], other = hidden): string {
  const is = builder.op('Cast', [maskInput], { to: 9n });
  const mask = between.length === 0 ? is : unsqueeze(builder, is, between);
  return builder.op('Where', [mask, scores, builder.scalar(other)]);
}

/** Squared error over pairs of tokens, mean over heads. */
function scoresTerm(builder: Builder, student: string, teacher: string): string {
  const [a, b] = [student, teacher].map((scores) => onTokens(builder, scores, [1, 2], 0));
  const difference = builder.op('Sub', [a!, b!]);
  const tokens = builder.op('Cast', [maskInput], { to: 1n });
  const pairs = builder.op('Mul', [unsqueeze(builder, tokens, [1, 2]), unsqueeze(builder, tokens, [1, 3])]);
  return maskedMean(builder, builder.op('Mul', [difference, difference]), pairs);
}

/** KL of the softmax of scores [batch, heads, sequence, sequence], rows of tokens. */
function distributions(builder: Builder, student: string, teacher: string): string {
  const [a, b] = [student, teacher].map((scores) => onTokens(builder, scores, [1, 2]));
  return kullbackLeibler(builder, a!, b!, { mask: unsqueeze(builder, maskInput, [1]) });
}

/** V V^T / sqrt(d) of V [batch, heads, sequence, d]. */
function relation(builder: Builder, value: string, size: number): string {
  const turned = builder.op('Transpose', [value], { perm: [0n, 1n, 3n, 2n] });
  return builder.op('Mul', [builder.op('MatMul', [value, turned]), builder.scalar(1 / Math.sqrt(size))]);
}

/** Axes of Unsqueeze became an input with opset 13. */
function unsqueeze(builder: Builder, value: string, axes: readonly number[]): string {
  return builder.opset < 13
    ? builder.op('Unsqueeze', [value], { axes: axes.map(BigInt) })
    : builder.op('Unsqueeze', [value, builder.ints(axes)]);
}
