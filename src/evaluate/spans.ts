// The best answer in a window of a context, searched as the question answering script of transformers (run_qa) does.

/** Starts and ends that are tried, and most tokens of an answer: the defaults of run_squad and run_qa. */
const candidates = 20;
const longest = 30;

/** An answer: `from` to `to` in the context in UTF-16 units, and the sum of its two logits. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly score: number;
}

/**
 * The best answer among the 20 largest starts and the 20 largest ends of a window, special tokens and question
 * counted among those 20; of equals the first. Undefined where no pair of them is an answer of 1 to 30 tokens.
 * @param start, end a logit a token
 * @param offsets [2i], [2i + 1]: where token i begins and ends in the context; -1 outside of it
 */
export function bestSpan(start: Float32Array, end: Float32Array, offsets: Int32Array): Span | undefined {
  const ends = largest(end, candidates);
  let best: Span | undefined;
  for (const first of largest(start, candidates)) {
    const from = offsets[2 * first]!;
    if (from < 0) continue;
    for (const last of ends) {
      const to = offsets[2 * last + 1]!;
      if (last < first || last - first >= longest || to <= from) continue;
      const score = start[first]! + end[last]!;
      if (best === undefined || score > best.score) best = { from, to, score };
    }
  }
  return best;
}

/** Indices of the `count` largest numbers, largest first, equals in their order. */
function largest(values: Float32Array, count: number): Uint32Array {
  const order = Uint32Array.from(values.keys());
  return order.sort((a, b) => values[b]! - values[a]! || a - b).subarray(0, count);
}
