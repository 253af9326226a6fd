import { describe, expect, it } from 'vitest';
import { bestSpan, type Span } from '../../src/evaluate/spans.ts';
import { createRandom } from '../../src/math/random.ts';

const random = createRandom(3);

function logits(length: number): Float32Array {
  return Float32Array.from({ length }, () => 8 * random.uniform() - 4);
}

/** Tokens of two characters; the first `before` and the last one are not of the context. */
function offsetsOf(length: number, before: number): Int32Array {
  return Int32Array.from({ length: 2 * length }, (_, i) => {
    const token = i >> 1;
    return token < before || token === length - 1 ? -1 : 3 * (token - before) + 2 * (i % 2);
  });
}

/** Every pair of tokens, the candidates told by how many logits are larger. */
function bruteForce(start: Float32Array, end: Float32Array, offsets: Int32Array): Span | undefined {
  const rank = (values: Float32Array, i: number): number => values.filter((value) => value > values[i]!).length;
  let best: Span | undefined;
  for (let first = 0; first < start.length; first++) {
    for (let last = first; last < Math.min(end.length, first + 30); last++) {
      const [from, to] = [offsets[2 * first]!, offsets[2 * last + 1]!];
      if (from < 0 || to < 0 || rank(start, first) >= 20 || rank(end, last) >= 20) continue;
      const score = start[first]! + end[last]!;
      if (best === undefined || score > best.score) best = { from, to, score };
    }
  }
  return best;
}

describe('the best span of a window', () => {
  it('is that of trying every pair', () => {
    for (let i = 0; i < 200; i++) {
      const length = 4 + random.below(90);
      const [start, end, offsets] = [logits(length), logits(length), offsetsOf(length, 1 + random.below(length - 2))];
      expect(bestSpan(start, end, offsets)).toEqual(bruteForce(start, end, offsets));
    }
  });

  it('takes no answer of more than 30 tokens, and one of 30', () => {
    const [start, end] = [new Float32Array(60), new Float32Array(60)];
    start[2] = 9;
    end[32] = 9;
    end[31] = 8;
    expect(bestSpan(start, end, offsetsOf(60, 1))).toEqual({ from: 3, to: 3 * 30 + 2, score: 17 });
  });

  it('finds none where the 20 largest logits are outside of the context', () => {
    const start = Float32Array.from({ length: 30 }, (_, i) => -i);
    expect(bestSpan(start, start, offsetsOf(30, 20))).toBeUndefined();
    expect(bestSpan(start, start, offsetsOf(30, 19))).toEqual({ from: 0, to: 2, score: -38 });
  });

  it('takes the first of equals', () => {
    expect(bestSpan(new Float32Array(6), new Float32Array(6), offsetsOf(6, 2))).toEqual({ from: 0, to: 2, score: 0 });
  });
});
