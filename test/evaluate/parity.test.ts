import { afterEach, describe, expect, it } from 'vitest';
import { parity } from '../../src/evaluate/parity.ts';
import { ParitySums } from '../../src/evaluate/parity-sums.ts';
import { datasetOf, openTiny, prepareTiny, releaseAll, someTexts } from './support.ts';

afterEach(releaseAll);
const prepared = () => prepareTiny('feature-extraction', datasetOf(someTexts(12).map((text) => ({ text }))));

describe('parity', () => {
  it('finds a model equal to itself', async () => {
    const result = await parity(await openTiny('classifier'), await openTiny('classifier'), await prepared());
    expect(result).toMatchObject({ maxAbs: 0, agreement: 1, kl: 0, rows: 12, outputs: [{ output: 'logits' }] });
    expect(result.cosine).toBeCloseTo(1, 12);
    expect(result).not.toHaveProperty('sqnrDb');
    expect(result).not.toHaveProperty('nonFinite');
  });

  it('compares class scores of two models, one of them of fixed shape', async () => {
    const result = await parity(
      await openTiny('classifier-noisy'),
      await openTiny('classifier-fixed'),
      await prepared(),
    );
    expect(result.cosine).toBeGreaterThan(0.5);
    expect(result.cosine).toBeLessThan(1);
    expect(result.sqnrDb).toBeGreaterThan(0);
    expect(result.rows).toBe(12);
  });

  it('looks at every float output, token by token and without padding', async () => {
    const rows = await prepared();
    const tokens = rows.sequences.reduce((sum, sequence) => sum + sequence.ids.length, 0);
    const result = await parity(await openTiny('encoder-half'), await openTiny('encoder-half'), rows, { batch: 4 });
    expect(result.outputs.map((output) => [output.output, output.rows])).toEqual([
      ['token_embeddings', tokens],
      ['token_sums', 12],
    ]);
    const encoder = await parity(await openTiny('encoder'), await openTiny('encoder'), rows, { batch: 4 });
    expect(encoder.rows).toBe(tokens);
  });

  it('says that a model gives NaN', async () => {
    const result = await parity(await openTiny('classifier'), await openTiny('classifier-nan'), await prepared());
    expect(result).toMatchObject({ cosine: 0, agreement: 0, nonFinite: 12 });
  });

  it('needs an output that both have', async () => {
    await expect(parity(await openTiny('classifier'), await openTiny('sentences'), await prepared())).rejects.toThrow(
      'outputs: expected a float output that both models have, found logits and sentence_embedding',
    );
  });
});

describe('ParitySums', () => {
  it('adds up by hand', () => {
    const sums = new ParitySums(true);
    sums.add(Float32Array.of(10, 0), Float32Array.of(9, 0));
    sums.add(Float32Array.of(0, 10), Float32Array.of(10, 0));
    const parity = sums.finish()!;
    expect(parity).toMatchObject({ cosine: 0.5, maxAbs: 10, agreement: 0.5, rows: 2 });
    expect(parity.sqnrDb).toBeCloseTo(10 * Math.log10(200 / 201), 12);
    expect(new ParitySums(true).finish()).toBeUndefined();
  });

  it('compares single logits by their sign', () => {
    const sums = new ParitySums(true);
    sums.add(Float32Array.of(2), Float32Array.of(1));
    sums.add(Float32Array.of(2), Float32Array.of(-1));
    expect(sums.finish()!.agreement).toBe(0.5);
  });
});
