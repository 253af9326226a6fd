// Text augmentation by masked replacement (TinyBERT, Jiao et al. 2020, algorithm 1): variants of texts in which words are replaced by what a masked language model finds likely.
import { wordsOf, type WordPlace } from '../data/tokenizer/whole-words.ts';
import type { Row } from '../data/dataset.ts';
import { createRandom } from '../math/random.ts';

/** What is tokenized: a text, or a pair. */
export type Text = Pick<Row, 'text' | 'textPair'>;

/** A word of a text, or of the second text of a pair. */
export interface Blank {
  readonly texts: readonly [string, string?];
  readonly side: 0 | 1;
  readonly place: WordPlace;
}

/** What finds words for blanks. */
export interface Filler {
  /** For each blank the likeliest words, most likely first; none where the mask was cut off. */
  likely(blanks: readonly Blank[]): Promise<readonly (readonly string[])[]>;
}

export interface AugmentOptions {
  /** Variants a text, at most: doubles are left out. */
  readonly variants: number;
  /** How likely a word is replaced, p_t. */
  readonly share: number;
  readonly seed: number;
}

/** A variant of a text. */
export interface Variant {
  readonly row: number;
  readonly text: Text;
}

/** Texts whose words are looked up together: memory follows these and not the data. */
const WINDOW = 128;

/**
 * Variants of the texts, in their order. Which words are replaced, and by which of the likely ones, follows the seed and the
 * number of the text; what is likely is asked of the text as it was, as in the paper, and of a pair as a whole. A word of
 * several pieces is hidden by one mask, where the paper takes its neighbours among GloVe's vectors.
 */
export async function* variantsOf(
  texts: readonly Text[],
  filler: Filler,
  options: AugmentOptions,
): AsyncGenerator<Variant> {
  for (let from = 0; from < texts.length; from += WINDOW) {
    const plans = texts.slice(from, from + WINDOW).map((text, i) => planOf(text, from + i, options));
    const filled = await filler.likely(plans.flatMap(({ blanks }) => blanks));
    let at = 0;
    for (const plan of plans) {
      const candidates = filled.slice(at, (at += plan.blanks.length));
      yield* variantsBy(plan, candidates);
    }
  }
}

/** What becomes of a text: the words that some variant replaces, and for each variant the lot of those that it replaces. */
interface Plan {
  readonly row: number;
  readonly texts: Blank['texts'];
  readonly blanks: readonly Blank[];
  /** By number in `blanks`; from 0 to below 1: which of the candidates. */
  readonly variants: readonly ReadonlyMap<number, number>[];
}

function planOf({ text, textPair }: Text, row: number, { variants, share, seed }: AugmentOptions): Plan {
  const texts: Blank['texts'] = textPair === undefined ? [text] : [text, textPair];
  const places = texts.flatMap((one, side) => wordsOf(one!).map((place) => ({ side: side as 0 | 1, place })));
  // as in batch-source.ts: nothing depends on how texts share a window
  const random = createRandom(Math.imul((seed >>> 0) ^ Math.imul(row + 1, 0x85ebca6b), 0x9e3779b1) >>> 0);
  const blanks: Blank[] = [];
  const numbers = new Map<number, number>();
  const lots = Array.from({ length: variants }, () => {
    const lot = new Map<number, number>();
    for (const [i, place] of places.entries()) {
      const [chance, which] = [random.uniform(), random.uniform()];
      if (chance > share) continue;
      if (!numbers.has(i)) numbers.set(i, blanks.push({ texts, ...place }) - 1);
      lot.set(numbers.get(i)!, which);
    }
    return lot;
  });
  return { row, texts, blanks, variants: lots };
}

function* variantsBy(
  { row, texts, blanks, variants }: Plan,
  filled: readonly (readonly string[])[],
): Generator<Variant> {
  const seen = new Set([texts.join('\n')]);
  for (const lot of variants) {
    const [text, textPair] = texts.map((one, side) => {
      const changes = [...lot]
        .filter(([i]) => blanks[i]!.side === side && filled[i]!.length > 0)
        .map(([i, which]) => ({ ...blanks[i]!.place, word: filled[i]![Math.floor(which * filled[i]!.length)]! }));
      return replaced(one!, changes);
    });
    const key = [text, textPair].slice(0, texts.length).join('\n');
    if (seen.has(key)) continue;
    seen.add(key);
    yield { row, text: { text: text!, ...(textPair === undefined ? {} : { textPair }) } };
  }
}

function replaced(text: string, changes: readonly (WordPlace & { readonly word: string })[]): string {
  let [out, at] = ['', 0];
  for (const { begin, end, word } of changes.toSorted((a, b) => a.begin - b.begin)) {
    out += text.slice(at, begin) + word;
    at = end;
  }
  return out + text.slice(at);
}
