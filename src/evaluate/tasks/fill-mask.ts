// Fill-mask: tokens are masked one at a time and guessed. Top-1 and top-5 accuracy, and pseudo-perplexity.
import { DataError } from '../../errors.ts';
import { ratioOf } from '../../math/statistics-paired.ts';
import type { ValueSpec } from '../../runtime/session.ts';
import { clozeReader, type Cloze } from '../cloze.ts';
import { Growing } from '../growing.ts';
import { floatOutputs, type ChosenOutput } from '../outputs.ts';
import { guessAt, surprise, type Guess } from '../masked-guess.ts';
import type { Example, Outcome, Tally, Task, TaskContext, TaskRun } from '../task.ts';
import { tokensInContext } from '../token-text.ts';

/**
 * Needs no labels: the tokens of the texts are what is to be guessed, up to 8 of each text, so that in longer texts
 * they are a sample. In a row with a label, a text that holds the mask token asks for the label there.
 */
export const fillMask: Task = {
  name: 'fill-mask',
  needs: [],
  begin: (context) => maskRun(context),
};

/** Bytes of a batch's logits [batch, sequence, vocabulary], at most, unless a single sequence has more. */
const mostOutputBytes = 256 * 2 ** 20;
/** Bytes of logits kept for parity, while their window lasts: one token of each of the first texts, 549 of them with BERT's 30,522 tokens. */
const mostKeptBytes = 64 * 2 ** 20;

interface Prediction {
  /** Of the model's own tokens, which may not be those of another model. */
  readonly cloze: Cloze;
  readonly guesses: readonly Guess[];
}

function maskRun(context: TaskContext): TaskRun<Cloze, Guess, Prediction> {
  const { path, tokenizer, config } = context;
  const vocabulary = Math.max(1, tokenizer.vocabularySize, config?.vocabularySize ?? 0);
  const most = Math.max(1, Math.floor(mostKeptBytes / (4 * vocabulary)));
  const read = clozeReader(context);
  /** Lines of the first texts, whose logits are kept for parity. */
  const kept = new Set<number>();
  const shown = (cloze: Cloze, tokens: readonly number[]): string => showTokens(context, cloze, tokens);
  return {
    metric: 'top1',
    classes: 'softmax',
    maxTokens: Math.max(1, Math.floor(mostOutputBytes / (4 * vocabulary))),
    gold(row) {
      if (kept.size < most) kept.add(row.line);
      return read(row);
    },
    encode: (_row, { blanks }) => blanks.map(({ sequence }) => sequence),
    outputs: (specs) => [chooseVocabulary(specs)],
    reduce([values], { row, gold }, index) {
      const { position, token } = gold.blanks[index]!;
      return guessAt(values!, position, token, index === 0 && kept.has(row.line));
    },
    predict: ({ gold }, guesses) => ({ cloze: gold, guesses }),
    tally: () => new MaskTally(path, most),
    vectors: ({ guesses }) => guesses.flatMap(({ logits }) => logits ?? []),
    show: ({ cloze, guesses }) =>
      shown(
        cloze,
        guesses.map(({ token }) => token),
      ),
    showGold: (gold) =>
      shown(
        gold,
        gold.blanks.map(({ token }) => token),
      ),
    loss: (_example, before, after) => lossOf(before.guesses, after.guesses),
  };
}

/** Nats a token by which the right tokens became less likely, where a guess changed. */
function lossOf(before: readonly Guess[], after: readonly Guess[]): number {
  const same = before.length === after.length && before.every(({ token }, i) => token === after[i]!.token);
  return same ? 0 : surprise(after) - surprise(before);
}

/** @throws ModelError where there is no float output */
function chooseVocabulary(specs: readonly ValueSpec[]): ChosenOutput {
  const floats = floatOutputs(specs);
  const named = floats.find(({ name }) => /^(logits|prediction_(logits|scores)|mlm_logits)$/i.test(name));
  if (named !== undefined) return { name: named.name, per: 'token', how: 'by name' };
  const ranked = floats.find(({ shape }) => shape.length === 3);
  if (ranked !== undefined) return { name: ranked.name, per: 'token', how: 'the first float output of rank 3' };
  return { name: floats[0]!.name, per: 'token', how: 'the first float output' };
}

/** The text with the given tokens in its blanks, in brackets. */
function showTokens({ tokenizer }: TaskContext, { ids, blanks }: Cloze, tokens: readonly number[]): string {
  const filled = new Map(blanks.map(({ position }, i) => [position, tokens[i] ?? -1]));
  const places = [...ids.keys()].filter((at) => filled.has(at) || !tokenizer.specialIds.has(ids[at]!));
  const nameOf = (id: number): string => (id < 0 ? 'no number' : (tokenizer.tokenOf(id) ?? String(id)));
  const bracketed = places.flatMap((at, i) => (filled.has(at) ? [i] : []));
  return tokensInContext(
    places.map((at) => nameOf(filled.get(at) ?? ids[at]!)),
    new Set(bracketed),
  );
}

class MaskTally implements Tally<Cloze, Prediction> {
  readonly #path: string;
  readonly #kept: number;
  readonly #right = new Growing(Uint8Array);
  readonly #blanks = new Growing(Uint8Array);
  #inFive = 0;
  #tokens = 0;
  #surprise = 0;
  #nonFinite = 0;

  constructor(path: string, kept: number) {
    this.#path = path;
    this.#kept = kept;
  }

  add(_example: Example<Cloze>, { guesses }: Prediction): void {
    this.#blanks.push(guesses.length);
    this.#right.push(guesses.filter(({ above }) => above === 0).length);
    this.#tokens += guesses.length;
    this.#inFive += guesses.filter(({ above }) => above < 5).length;
    for (const { logLikelihood } of guesses) this.#surprise -= logLikelihood;
    if (guesses.some(({ token }) => token < 0)) this.#nonFinite++;
  }

  /** Pseudo-perplexity after Salazar et al. 2020: exp of the mean negative log-likelihood of the masked tokens, each masked alone. */
  finish(): Outcome {
    const [right, blanks] = [this.#right.finish(), this.#blanks.finish()];
    const tokens = this.#tokens;
    if (tokens === 0) throw new DataError(`${this.#path}: expected a text with a token to mask, found none`);
    const single = blanks.every((count) => count === 1);
    return {
      samples: blanks.length,
      value: right.reduce((sum, count) => sum + count, 0) / tokens,
      secondary: {
        top5: this.#inFive / tokens,
        pseudoPerplexity: Math.min(Math.exp(this.#surprise / tokens), Number.MAX_VALUE),
      },
      resampled: ratioOf(right, blanks),
      // several blanks of a text are no independent trials, which McNemar's test wants
      ...(single ? { correct: right } : {}),
      nonFinite: this.#nonFinite,
      notes: this.#notes(blanks),
    };
  }

  #notes(blanks: Uint8Array): string[] {
    const empty = blanks.filter((count) => count === 0).length;
    return [
      `fill-mask: ${this.#tokens} tokens of ${blanks.length} texts, each masked alone`,
      ...(empty === 0 ? [] : [`fill-mask: ${empty} of ${blanks.length} texts have no token to mask`]),
      ...(blanks.length <= this.#kept
        ? []
        : [`fill-mask: parity is of one token of each of the first ${this.#kept} texts`]),
    ];
  }
}
