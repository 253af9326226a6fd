import { expect, it } from 'vitest';
import { fillMask } from '../../src/evaluate/tasks/fill-mask.ts';
import vectors from '../evaluate/tasks/fill-mask-vectors.json' with { type: 'json' };
import { rowsOf } from '../evaluate/run-task.ts';
import { contextOf, evaluateFiles } from '../evaluate/tiny-context.ts';
import { describeWith, shared } from '../support/shared.ts';

describeWith('zoo', 'fill-mask on exported models', () => {
  it("finds the pseudo-perplexity of Python's onnxruntime, in every export", async () => {
    const rows = rowsOf(vectors.texts.map((text) => ({ text })));
    const exports = ['ts-17-eager', 'ts-14-sdpa', 'ts-11-eager'].map((name) =>
      shared(`zoo/bert-mlm-${name}/model.onnx`),
    );
    expect(exports[0]).toContain(vectors.zoo.model);
    const { models, differences } = await evaluateFiles('fill-mask', fillMask.begin(contextOf()), rows, exports);
    for (const model of models.slice(0, 1)) {
      expect(model.value).toBe(vectors.zoo.top1);
      expect(model.secondary['top5']).toBe(vectors.zoo.top5);
      expect(model.secondary['pseudoPerplexity']! / vectors.zoo.pseudoPerplexity).toBeCloseTo(1, 5);
    }
    expect(differences.map((difference) => difference.parity?.rows)).toEqual([rows.length, rows.length]);
  });
});
