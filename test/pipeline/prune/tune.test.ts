// The work of fitting: what it reports, and when it leaves a model alone.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeModel } from '../../../src/onnx/write.ts';
import { silent } from '../../../src/pipeline/events.ts';
import { readKnownModel } from '../../../src/pipeline/known-model.ts';
import type { PruneMaterial } from '../../../src/pipeline/prune/set-up.ts';
import { tune } from '../../../src/pipeline/prune/tune.ts';
import { narrowTo, untouched, type Pruned, type Workshop } from '../../../src/pipeline/prune/works.ts';
import { tinyBert } from '../../support/bert.ts';
import { tempDir } from '../../support/temp.ts';
import { feedingOf, samplesOf } from './support.ts';

const model = tinyBert({ heads: 4, ffn: 32 });
const path = join(tempDir(), 'model.onnx');
writeModel(model, path);
const original = readKnownModel(path);
const material = {
  feeding: feedingOf(model),
  samples: samplesOf(200).map(({ sequences, target }, row) => ({ sequences, target: { row, label: target } })),
} as unknown as PruneMaterial; // the parts that fitting reads
const shop: Workshop = { original, material, options: { seed: 0, threads: 1 }, events: silent };

function cut(): Promise<Pruned> {
  return narrowTo({ kind: 'macs', keep: 0.5 }, { by: 'magnitude', sequence: 8, samples: 32 })(
    untouched(original),
    shop,
  );
}

describe('tune', () => {
  it('is a step of the report; the model keeps its shapes', async () => {
    const before = await cut();
    const after = await tune()(before, shop);
    const step = after.steps.at(-1)!;
    expect(step).toMatchObject({ pass: 'tune', changed: true, options: { rows: 200 } });
    expect(step.stats['squared error left, mean']).toBeLessThan(1);
    const shapes = ({ known }: Pruned) => [...known.model.graph.initializers].map(([name, { shape }]) => [name, shape]);
    expect(shapes(after)).toEqual(shapes(before));
  });

  it('leaves the model alone without rows, and says so', async () => {
    const before = await cut();
    const after = await tune()(before, { ...shop, material: undefined });
    expect(after.known).toBe(before.known);
    expect(after.notes).toContain('output projections are as they were: no rows to fit on (--data)');
  });
});
