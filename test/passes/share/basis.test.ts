import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { countParams } from '../../../src/ir/params.ts';
import { valuesOfBases } from '../../../src/passes/share/basis-sets.ts';
import { shareBasis } from '../../../src/passes/share/basis.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { cosine, runModel } from '../../support/run-model.ts';

const model = tinyBert({ vocabulary: 60, hidden: 32, ffn: 64, layers: 3 });
const all = { attention: [[0, 1, 2]], ffn: [[0, 1, 2]] };
const LAYERS = 3 * (4 * 32 * 32 + 2 * 32 * 64);

describe('share-basis', () => {
  it.each([0.9, 0.5])('keeps no more than %f of the layers', (keep) => {
    const { model: made, changed, stats } = shareBasis.run(model, { ...all, keep }, quietContext);
    expect(changed).toBe(true);
    const saved = countParams(model.graph) - countParams(made.graph);
    expect(saved).toBe(stats['saved parameters']);
    expect(saved).toBeGreaterThanOrEqual((1 - keep) * LAYERS);
    expect(saved).toBeLessThan((1 - keep) * LAYERS + 400);
  });

  it('is nearer the model the more is kept, and computes what query, key and value share once', async () => {
    const before = await runModel(model);
    const near = async (keep: number): Promise<number> => {
      const { model: made } = shareBasis.run(model, { ...all, keep }, quietContext);
      return cosine((await runModel(made))['logits']!, before['logits']!);
    };
    const [rough, fine] = [await near(0.3), await near(0.9)];
    expect(fine).toBeGreaterThan(0.9);
    expect(rough).toBeLessThan(fine);
    const { model: made } = shareBasis.run(model, { attention: [[0, 1, 2]], ffn: [], keep: 0.5 }, quietContext);
    const bases = [...made.graph.initializers.keys()].filter((name) => name.endsWith('_basis'));
    expect(bases).toHaveLength(2);
    const [reading, writing] = bases.map((basis) => made.graph.nodes.filter(({ inputs }) => inputs[1] === basis));
    expect(reading!.map(({ inputs }) => inputs[1])).toHaveLength(3); // one a layer, not one a projection
    expect(writing).toHaveLength(3);
  });

  it('names the values whose products it has a use for', () => {
    const values = valuesOfBases(model, { attention: [[1]], ffn: [] });
    expect(values).toHaveLength(4);
    expect(new Set(values.map(({ value }) => value)).size).toBe(2);
    expect(values.map(({ width }) => width)).toEqual([32, 32, 32, 32]);
  });

  it('refuses a share that leaves nothing of a basis', () => {
    expect(() => shareBasis.run(model, { ...all, keep: 0.001 }, quietContext)).toThrow(UsageError);
  });
});
