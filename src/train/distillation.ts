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

/** A value of the student's graph and the input that brings the teacher's. */
export interface Match {
  readonly student: string;
  /** Type and shape of the input; float16 is cast to float32. */
  readonly teacher: ValueInfo & { readonly dtype: 'float32' | 'float16' };
}

/**
 * One term of the loss, the mean over its matches' sum being left to `weight`: several matches add up, as peers do it.
 * - soft: T^2 KL of class logits, mean over texts (or tokens); `binary`: each class for itself (multi-label);
 *   `positions`: over the sequence (spans); `numbers`: squared error (regression)
 * - hidden: squared error of hidden states [batch, sequence, width] over tokens, mean over the width; a projection
 *   [student's width, teacher's width] where they differ (TinyBERT, Jiao et al. 2020)
 * - scores: squared error of attention scores before softmax [batch, heads, sequence, sequence], pairs of tokens (TinyBERT)
 * - attention: KL of the attention distributions, from the same scores; mean over heads and tokens (MiniLM, Wang et al. 2020)
 * - relation: KL of softmax(V V^T / sqrt(d)), V [batch, heads, sequence, d]; mean over heads and tokens (MiniLM)
 * - embedding: one minus cosine, or squared error, of vectors [batch, width]
 */
export type Term = { readonly weight: number } & (
  | {
      readonly kind: 'soft';
      readonly form: 'classes' | 'tokens' | 'binary' | 'positions' | 'numbers';
      readonly temperature: number;
      readonly matches: readonly Match[];
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
      readonly matches: readonly Match[];
      /** Appends what makes the vectors [batch, width] of the student's value. */
      pool(builder: Builder, value: string): string;
    }
  /** What the labels say, as the task's own loss. */
  | { readonly kind: 'hard'; append(builder: Builder): AppendedLoss }
);

/** Appends the weighted sum of the terms; each is a part that progress shows, without its weight. */
export function appendDistillation(builder: Builder, terms: readonly Term[]): AppendedLoss {
  const mask: ValueInfo = { name: maskInput, dtype: 'int64', shape: ['batch', 'sequence'] };
  const inputs = new Map<string, ValueInfo>([[maskInput, mask]]);
  const made = terms.map((term): { readonly value: string; readonly count?: Count | undefined } => {
    if (term.kind === 'hard') {
      const hard = term.append(builder);
      for (const input of hard.inputs) inputs.set(input.name, input);
      return { value: hard.loss, count: hard.count };
    }
    for (const { teacher } of term.matches) inputs.set(teacher.name, teacher);
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

/** What a term is a mean over. */
function countOf(term: Exclude<Term, { kind: 'hard' }>): Count {
  if (term.kind === 'scores') return countPairs(maskInput);
  if (term.kind === 'embedding' || (term.kind === 'soft' && term.form !== 'tokens')) return countRows;
  return countOnes(maskInput);
}

function sumOf(builder: Builder, values: readonly string[]): string {
  return values.reduce((sum, value) => builder.op('Add', [sum, value]));
}

function termValues(builder: Builder, term: Exclude<Term, { kind: 'hard' }>): string[] {
  const each = <M extends Match>(matches: readonly M[], value: (match: M, teacher: string) => string): string[] =>
    matches.map((match) => value(match, float32(builder, match.teacher)));
  switch (term.kind) {
    case 'soft':
      return each(term.matches, ({ student }, teacher) => softTerm(builder, student, teacher, term));
    case 'hidden':
      return each(term.matches, ({ student, projection }, teacher) => {
        const projected = projection === undefined ? student : builder.op('MatMul', [student, projection]);
        return maskedMeanSquaredError(builder, projected, teacher, maskInput);
      });
    case 'scores':
      return each(term.matches, ({ student }, teacher) => scoresTerm(builder, student, teacher));
    case 'attention':
      return each(term.matches, ({ student }, teacher) => distributions(builder, student, teacher));
    case 'relation':
      return each(term.matches, ({ student, sizes }, teacher) =>
        distributions(builder, relation(builder, student, sizes[0]), relation(builder, teacher, sizes[1])),
      );
    case 'embedding':
      return each(term.matches, ({ student }, teacher) =>
        (term.form === 'cosine' ? cosineDistance : meanSquaredError)(builder, term.pool(builder, student), teacher),
      );
  }
}

function float32(builder: Builder, { name, dtype }: Match['teacher']): string {
  return dtype === 'float32' ? name : builder.op('Cast', [name], { to: 1n });
}

function softTerm(
  builder: Builder,
  student: string,
  teacher: string,
  { form, temperature }: Extract<Term, { kind: 'soft' }>,
): string {
  switch (form) {
    case 'numbers':
      return meanSquaredError(builder, student, teacher);
    case 'classes':
      return kullbackLeibler(builder, student, teacher, { temperature });
    case 'tokens':
      return kullbackLeibler(builder, student, teacher, { temperature, mask: maskInput });
    case 'binary':
      return kullbackLeibler(builder, withZero(builder, student), withZero(builder, teacher), { temperature });
    case 'positions':
      return kullbackLeibler(builder, onTokens(builder, student, []), onTokens(builder, teacher, []), { temperature });
  }
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
