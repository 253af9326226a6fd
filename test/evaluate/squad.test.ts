import { describe, expect, it } from 'vitest';
import { answerWords, scoreAnswer } from '../../src/evaluate/squad.ts';
import vectors from './squad-vectors.json' with { type: 'json' };

describe('answers against the scripts of SQuAD', () => {
  it.each(vectors.answers)('scores $answer for $accepted', ({ answer, accepted, v1, v2 }) => {
    if (v1 !== undefined) {
      const { exact, f1 } = scoreAnswer(answer, accepted, false);
      expect(exact).toBe(v1[0]);
      expect(f1).toBeCloseTo(v1[1]!, 12);
    }
    const { exact, f1 } = scoreAnswer(answer, accepted, true);
    expect(exact).toBe(v2[0]);
    expect(f1).toBeCloseTo(v2[1]!, 12);
  });

  it('splits at what Python takes for white space, and removes the punctuation of ASCII only', () => {
    expect(answerWords('x\u00a0y\u2028z\u001cw')).toEqual(['x', 'y', 'z', 'w']);
    expect(answerWords('x\ufeffy\u200bz')).toEqual(['x\ufeffy\u200bz']);
    expect(answerWords('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~x„¿')).toEqual(['x„¿']);
  });
});
