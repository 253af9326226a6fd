// Texts with a token masked: which tokens of a row are to be guessed, each in a sequence of its own.
import type { Row } from '../data/dataset.ts';
import type { Encoding, Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { DataError } from '../errors.ts';
import { createRandom } from '../math/random.ts';
import type { TaskContext } from './task.ts';

/** A token to be guessed. */
export interface Blank {
  /** The text with this token alone masked. */
  readonly sequence: Encoding;
  readonly position: number;
  /** The token that stands there. */
  readonly token: number;
}

export interface Cloze {
  /** The text as it is, its special tokens included. */
  readonly ids: Int32Array;
  /** In random order; none where a text has only special or unknown tokens. */
  readonly blanks: readonly Blank[];
}

/** Tokens masked in a text, at most. */
const mostBlanks = 8;

/**
 * Makes the cloze of a row. A text that holds the mask token itself, in a row with a label, has that one blank, and its
 * label is the word. Of any other text up to 8 tokens, chosen by the seed and the row's line, are masked one at a time;
 * special and unknown tokens are not.
 * @throws DataError where the tokenizer has no mask token; the reader, naming the line, for a label that is not one
 * token, or where not exactly one mask token is left of a text
 */
export function clozeReader({ path, tokenizer, maxLength, seed }: TaskContext): (row: Row) => Cloze {
  const { maskId } = tokenizer;
  const mask = maskId === undefined ? undefined : tokenizer.tokenOf(maskId);
  if (maskId === undefined || mask === undefined) {
    throw new DataError(`${path}: expected a tokenizer with a mask token for fill-mask, found one without`);
  }
  return (row) => {
    const encoding = tokenizer.encode(row.text, row.textPair, maxLength);
    if (row.label !== undefined && row.text.includes(mask)) {
      return givenBlank(`${path} line ${row.line}`, row, { tokenizer, maxLength, mask, maskId }, encoding);
    }
    const free = [...encoding.ids.keys()].filter((at) => !tokenizer.specialIds.has(encoding.ids[at]!));
    // the line is spread over the seed's bits, so that rows differ and their order does not matter
    const random = createRandom((Math.imul(row.line, 0x9e3779b1) ^ seed) >>> 0);
    const chosen = random.shuffle(free).slice(0, mostBlanks);
    return { ids: encoding.ids, blanks: chosen.map((position) => blankAt(encoding, position, maskId)) };
  };
}

function blankAt({ ids, segments }: Encoding, position: number, maskId: number): Blank {
  const masked = ids.slice();
  masked[position] = maskId;
  return { sequence: { ids: masked, segments }, position, token: ids[position]! };
}

interface Masker {
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly mask: string;
  readonly maskId: number;
}

function givenBlank(where: string, { text, label = '' }: Row, masker: Masker, sequence: Encoding): Cloze {
  const { mask, maskId } = masker;
  const positions = [...sequence.ids.keys()].filter((at) => sequence.ids[at] === maskId);
  const [position] = positions;
  if (position === undefined || positions.length > 1) {
    throw new DataError(`${where}: expected one ${mask} within ${masker.maxLength} tokens, found ${positions.length}`);
  }
  const token = tokenOfWord(label, masker, /\s$/.test(text.slice(0, text.indexOf(mask))));
  if (token === undefined) {
    throw new DataError(`${where}: expected a word that is one token of the vocabulary, found '${label}'`);
  }
  const ids = sequence.ids.slice();
  ids[position] = token;
  return { ids, blanks: [{ sequence, position, token }] };
}

/** The token of a word; tokenizers of RoBERTa's kind have one with a space before it and one without. */
function tokenOfWord(word: string, { tokenizer, maxLength }: Masker, afterSpace: boolean): number | undefined {
  const forms = afterSpace ? [` ${word}`, word] : [word, ` ${word}`];
  for (const form of forms) {
    const { ids } = tokenizer.encode(form, undefined, maxLength);
    const own = ids.filter((id) => !tokenizer.specialIds.has(id));
    if (own.length === 1) return own[0];
  }
  return undefined;
}
