// What a model makes of a masked token: its guess, and how likely it finds the right one.
import { ModelError } from '../errors.ts';
import { logSumExp } from '../math/statistics.ts';
import type { SequenceValues } from './sequence-values.ts';

/** What a model makes of a blank. */
export interface Guess {
  /** -1 where the model gave no number. */
  readonly token: number;
  /** Tokens that the model finds likelier than the right one. */
  readonly above: number;
  /** ln of the probability of the right token; that of a blind guess where the model gave no number. */
  readonly logLikelihood: number;
  /** [vocabulary], of the blanks that parity looks at. */
  readonly logits?: Float32Array;
}

/**
 * The guess at a position of [tokens, vocabulary]. NaN or infinity among the logits, or -infinity for the right token,
 * is no number. Of equal logits the first is the guess.
 * @param right the token that belongs there
 * @param keep whether the logits are kept
 * @throws ModelError where the output has no score for the right token
 */
export function guessAt({ name, data, width }: SequenceValues, position: number, right: number, keep: boolean): Guess {
  if (right >= width) {
    throw new ModelError(`output '${name}': expected a score for each token, found ${width} for token ${right}`);
  }
  const logits = data.subarray(position * width, (position + 1) * width);
  const kept = keep ? { logits: logits.slice() } : {};
  const score = logits[right]!;
  const logLikelihood = score - logSumExp(logits);
  if (!Number.isFinite(logLikelihood)) return { token: -1, above: Infinity, logLikelihood: -Math.log(width), ...kept };
  let [best, above] = [0, 0];
  for (let i = 0; i < width; i++) {
    const value = logits[i]!;
    if (value > logits[best]!) best = i;
    if (value > score || (value === score && i < right)) above++;
  }
  return { token: best, above, logLikelihood, ...kept };
}

/** Mean negative log-likelihood of the right tokens, in nats; 0 without a blank. */
export function surprise(guesses: readonly Guess[]): number {
  return guesses.reduce((sum, { logLikelihood }) => sum - logLikelihood, 0) / Math.max(1, guesses.length);
}
