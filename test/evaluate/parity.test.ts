import { afterEach, describe, expect, it } from 'vitest';
import { parity } from '../../src/evaluate/parity.ts';
import { ParitySums } from '../../src/evaluate/parity-sums.ts';
import { loadTokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import type { Session } from '../../src/runtime/session.ts';
import { openTiny, releaseAll, someTexts, tinyFolder } from './support.ts';

afterEach(releaseAll);

async function encoded() {
  const tokenizer = await loadTokenizer(tinyFolder);
  return { tokenizer, texts: someTexts(12).map((text) => tokenizer.encode(text, undefined, 12)) };
}

async function parityOf(before: Session, after: Session, options: { batch?: number } = {}) {
  const { texts, tokenizer } = await encoded();
  return parity(before, after, texts, tokenizer, options);
}

describe('parity', () => {
  it('finds a model equal to itself', async () => {
    const result = await parityOf(await openTiny('classifier'), await openTiny('classifier'));
    expect(result).toMatchObject({ maxAbs: 0, agreement: 1, kl: 0, rows: 12, outputs: [{ output: 'logits' }] });
    expect(result.cosine).toBeCloseTo(1, 12);
    expect(result).not.toHaveProperty('sqnrDb');
    expect(result).not.toHaveProperty('nonFinite');
  });

  it('compares class scores of two models, one of them of fixed shape', async () => {
    const result = await parityOf(await openTiny('classifier-noisy'), await openTiny('classifier-fixed'));
    expect(result.cosine).toBeGreaterThan(0.5);
    expect(result.cosine).toBeLessThan(1);
    expect(result.sqnrDb).toBeGreaterThan(0);
    expect(result.rows).toBe(12);
  });

  it('looks at every float output, token by token and without padding', async () => {
    const tokens = (await encoded()).texts.reduce((sum, sequence) => sum + sequence.ids.length, 0);
    const result = await parityOf(await openTiny('encoder-half'), await openTiny('encoder-half'), { batch: 4 });
    expect(result.outputs.map((output) => [output.output, output.rows])).toEqual([
      ['token_embeddings', tokens],
      ['token_sums', 12],
    ]);
    const encoder = await parityOf(await openTiny('encoder'), await openTiny('encoder'), { batch: 4 });
    expect(encoder.rows).toBe(tokens);
  });

  it('says that a model gives NaN', async () => {
    const result = await parityOf(await openTiny('classifier'), await openTiny('classifier-nan'));
    expect(result).toMatchObject({ cosine: 0, agreement: 0, nonFinite: 12 });
  });

  it('needs an output that both have', async () => {
    await expect(parityOf(await openTiny('classifier'), await openTiny('sentences'))).rejects.toThrow(
      'outputs: expected a float output that both models have, found logits and sentence_embedding',
    );
  });
});

describe('ParitySums', () => {
  it('adds up by hand', () => {
    const sums = new ParitySums('softmax');
    sums.add(Float32Array.of(10, 0), Float32Array.of(9, 0));
    sums.add(Float32Array.of(0, 10), Float32Array.of(10, 0));
    const parity = sums.finish()!;
    expect(parity).toMatchObject({ cosine: 0.5, maxAbs: 10, agreement: 0.5, rows: 2 });
    expect(parity.sqnrDb).toBeCloseTo(10 * Math.log10(200 / 201), 12);
    expect(new ParitySums('softmax').finish()).toBeUndefined();
  });

  it('takes each class of several by itself', () => {
    const sums = new ParitySums('sigmoid');
    sums.add(Float32Array.of(1, -2), Float32Array.of(2, -1));
    sums.add(Float32Array.of(1, -2), Float32Array.of(1, 3));
    const found = sums.finish()!;
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const kl = (x: number, y: number) => {
      const [p, q] = [sigmoid(x), sigmoid(y)];
      return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
    };
    expect(found.agreement).toBe(0.5);
    expect(found.kl).toBeCloseTo((kl(1, 2) + kl(-2, -1) + kl(-2, 3)) / 2, 12);
  });

  it('compares single logits by their sign', () => {
    const sums = new ParitySums('softmax');
    sums.add(Float32Array.of(2), Float32Array.of(1));
    sums.add(Float32Array.of(2), Float32Array.of(-1));
    expect(sums.finish()!.agreement).toBe(0.5);
  });
});
