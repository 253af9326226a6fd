import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { UsageError } from '../../../src/errors.ts';
import { floats } from '../../../src/ir/tensor.ts';
import { factorise } from '../../../src/passes/share/factorise.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { cosine, runModel } from '../../support/run-model.ts';

const model = tinyBert({ vocabulary: 401, hidden: 32, ffn: 64 });
const tableOf = (from: typeof model) =>
  recognise(from).encoders[0]!.embeddings.find(({ role }) => role === 'token')!.weight;

describe('factorise', () => {
  it('a table of low rank gives the same outputs', async () => {
    const low = tinyBert({ vocabulary: 401, hidden: 32, ffn: 64 });
    const wave = (i: number, k: number): number => Math.sin(1.3 * i * (k + 1) + k);
    const values = Array.from({ length: 401 * 32 }, (_, at) => {
      const [row, column] = [Math.floor(at / 32), at % 32];
      return [0, 1, 2].reduce((sum, k) => sum + wave(row, k) * wave(column, k + 3), 0);
    });
    low.graph.initializers.set(tableOf(low).name, floats([401, 32], values));
    const { model: made, stats } = factorise.run(low, { embeddings: 3 }, quietContext);
    expect(stats['table energy']).toBeCloseTo(1, 9);
    expect(stats['table parameters saved']).toBe(401 * 32 - 3 * (401 + 32));
    const [before, after] = [await runModel(low), await runModel(made)];
    after['logits']!.forEach((value, i) => expect(value).toBeCloseTo(before['logits']![i]!, 4));
    expect(recognise(made).encoders[0]!.layers).toHaveLength(2);
  });

  it('refuses a rank that saves nothing, with the figures', () => {
    expect(() => factorise.run(model, { embeddings: 30 }, quietContext)).toThrow(
      new UsageError(
        'embeddings:30: expected a rank below 30, where 401 x 30 + 30 x 32 numbers are fewer than 401 x 32, found 30',
      ),
    );
  });

  it('splits dense weights where two products are fewer multiply-adds', async () => {
    const { model: made, stats, skipped } = factorise.run(model, { dense: 0.9 }, quietContext);
    expect(stats).toEqual({ weights: 12, 'parameters saved': expect.any(Number) });
    expect(skipped).toEqual([]);
    const [before, after] = [await runModel(model), await runModel(made)];
    expect(cosine(after['logits']!, before['logits']!)).toBeGreaterThan(0.9);
    // random weights have no small singular values: less kept is further off
    const rough = await runModel(factorise.run(model, { dense: 0.2 }, quietContext).model);
    expect(cosine(rough['logits']!, before['logits']!)).toBeLessThan(cosine(after['logits']!, before['logits']!));
  });

  it('says with figures what is not split', () => {
    const { changed, skipped } = factorise.run(model, { dense: 0.02 }, quietContext);
    expect(changed).toBe(false);
    expect(skipped).toHaveLength(12);
    expect(skipped[0]!.reason).toMatch(/^two products of rank 0 have 0 multiply-adds a token, the one has 1024/);
  });
});
