import { describe, expect, it } from 'vitest';
import { codebook } from '../../../src/passes/share/codebook.ts';
import { shareExact } from '../../../src/passes/share/exact.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { cosine, runModel } from '../../support/run-model.ts';

// a table of 401 x 32, an odd number of rows, and feed-forward weights of 32 x 160: large enough to be coded
const model = tinyBert({ vocabulary: 401, hidden: 32, ffn: 160 });

describe('codebook', () => {
  it.each([
    [256, 0.9999],
    [16, 0.99],
  ] as const)('%i entries: codes in the file, near the same outputs', async (entries, least) => {
    const { model: coded, changed, stats } = codebook.run(model, { entries }, quietContext);
    expect(changed).toBe(true);
    expect(stats['weights']).toBe(5);
    expect(stats['bits a weight, entropy']).toBeLessThan(Math.log2(entries));
    const bytes = (kind: string): number =>
      [...coded.graph.initializers.values()].reduce((sum, { dtype, byteLength }) => sum + (dtype === kind ? byteLength : 0), 0); // prettier-ignore
    const coded8 = 401 * 32 + 4 * 32 * 160;
    expect(bytes('uint8')).toBeGreaterThanOrEqual(entries === 256 ? coded8 : coded8 / 2);
    expect(bytes('uint8')).toBeLessThan((entries === 256 ? coded8 : coded8 / 2) + 64);
    const [before, after] = [await runModel(model), await runModel(coded)];
    expect(cosine(after['logits']!, before['logits']!)).toBeGreaterThan(least);
    // with onnxruntime's folding and without the numbers are the same weights
    expect((await runModel(coded, { optimize: false }))['logits']).toHaveLength(before['logits']!.length);
  });

  it('codes a shared weight once', () => {
    const shared = tinyBert({ vocabulary: 401, hidden: 32, ffn: 160 });
    const [first, second] = [...shared.graph.initializers.keys()].filter((name) => name.includes('intermediate') && name.endsWith('weight')); // prettier-ignore
    shared.graph.initializers.set(second!, shared.graph.initializers.get(first!)!);
    const { model: exact } = shareExact.run(shared, { least: 0 }, quietContext);
    expect(codebook.run(exact, { entries: 256 }, quietContext).stats['weights']).toBe(4);
  });

  it('finds nothing in a model whose weights are all small', () => {
    expect(codebook.run(tinyBert(), { entries: 16 }, quietContext).changed).toBe(false);
  });
});
