// Real models and data from ../shared: the same numbers as the Python evaluator. Skips with a reason where they are missing.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { validate } from '../../src/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function cases(model: string, data: string, body: (folder: string, data: string) => Promise<void>): void {
  const [folder, file] = [`${root}/${model}`, `${root}/${data}`];
  const missing = [`${folder}/onnx/model.onnx`, file].filter((path) => !existsSync(path));
  if (missing.length > 0) console.log(`skipped: ${missing.join(' and ')} missing`);
  it.skipIf(missing.length > 0)(`${model} on ${data}`, () => body(folder, file), 240_000);
}

const options = { maxLength: 128, bench: false } as const;

describe('agrees with the Python evaluator', () => {
  cases('../shared/models/minilm-sst2', '../shared/data/sst2/dev.tsv', async (folder, data) => {
    const { accuracy, parity } = await validate(folder, [`${folder}/onnx/model.onnx`], { ...options, data });
    expect(accuracy).toMatchObject({ task: 'text-classification', metric: 'accuracy', samples: 872, drop: 0, p: 1 });
    expect(Math.abs(accuracy!.before - 0.88532)).toBeLessThan(0.0012);
    expect(parity).toMatchObject({ agreement: 1, maxAbs: 0, kl: 0 });
  });

  // made with ../shared/models/make_minilm_l6_v2.py
  cases('.models/minilm-l6-v2', '../shared/data/stsbenchmark/sts-dev.csv', async (folder, data) => {
    const { accuracy } = await validate(folder, [`${folder}/onnx/model.onnx`], { ...options, data });
    expect(accuracy).toMatchObject({ task: 'sentence-similarity', metric: 'spearman', samples: 1500 });
    expect(Math.abs(accuracy!.before - 0.86716)).toBeLessThan(0.0001);
    expect(accuracy!.secondary['pearson']!.before).toBeCloseTo(0.86962, 4);
  });
});
