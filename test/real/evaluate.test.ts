// Real models and data from ../shared: the same numbers as the Python evaluator. Skips with a reason where they are missing.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/data/config.ts';
import { readRows } from '../../src/data/rows.ts';
import { loadTokenizer } from '../../src/data/tokenizer.ts';
import { evaluate, prepare, sequenceLimit } from '../../src/evaluate/evaluate.ts';
import { guessTask } from '../../src/evaluate/guess-task.ts';
import { taskNamed } from '../../src/evaluate/registry.ts';
import { openSession } from '../../src/runtime/session.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function measure(folder: string, data: string) {
  const session = await openSession(`${folder}/onnx/model.onnx`);
  try {
    const [tokenizer, config, dataset] = [await loadTokenizer(folder), await loadConfig(folder), await readRows(data)];
    const task = taskNamed(guessTask(config, session.outputs, dataset).task);
    const maxLength = sequenceLimit({ asked: 128, config, tokenizer });
    return await evaluate(session, prepare(task, dataset, { tokenizer, config, maxLength }));
  } finally {
    await session.release();
  }
}

function cases(model: string, data: string, body: (folder: string, data: string) => Promise<void>): void {
  const [folder, file] = [`${root}/${model}`, `${root}/${data}`];
  const missing = [`${folder}/onnx/model.onnx`, file].filter((path) => !existsSync(path));
  if (missing.length > 0) {
    console.log(`skipped: ${missing.join(' and ')} missing`);
    it.skip(`${model} on ${data} (missing)`);
  } else it(`${model} on ${data}`, () => body(folder, file), 120_000);
}

describe('agrees with the Python evaluator', () => {
  cases('../shared/models/minilm-sst2', '../shared/data/sst2/dev.tsv', async (folder, data) => {
    const result = await measure(folder, data);
    expect(result).toMatchObject({ task: 'text-classification', samples: 872, nonFinite: 0 });
    expect(Math.abs(result.value! - 0.88532)).toBeLessThan(0.0012);
  });

  // made with ../shared/models/make_minilm_l6_v2.py
  cases('.models/minilm-l6-v2', '../shared/data/stsbenchmark/sts-dev.csv', async (folder, data) => {
    const result = await measure(folder, data);
    expect(result).toMatchObject({ task: 'sentence-similarity', samples: 1500, nonFinite: 0 });
    expect(result.value).toBeCloseTo(0.86716, 4);
    expect(result.secondary['pearson']).toBeCloseTo(0.86962, 4);
  });
});
