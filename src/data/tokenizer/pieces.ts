// The last step of tokenization, a word to tokens, and a memory for words that come again.

/** Tokens of a word: their ids, and how many UTF-16 units of the word each takes. */
export interface Pieces {
  readonly ids: readonly number[];
  readonly lengths: readonly number[];
}

/** Most words that are remembered. Natural text has fewer in 100,000 lines of one language. */
const capacity = 16_384;

/** Longer words come again too seldom. */
const longest = 64;

/** A function that remembers its results for short texts, and forgets them all when there are too many. */
export function remembering<Result>(compute: (text: string) => Result): (text: string) => Result {
  const known = new Map<string, Result>();
  return (text) => {
    if (text.length > longest) return compute(text);
    const found = known.get(text);
    if (found !== undefined) return found;
    const result = compute(text);
    if (known.size >= capacity) known.clear();
    known.set(unattached(text), result);
    return result;
  };
}

/** The same text in memory of its own: V8 keeps a slice of 13 characters and more as a view that holds the whole line. */
function unattached(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, 'utf16le').toString('utf16le');
}
