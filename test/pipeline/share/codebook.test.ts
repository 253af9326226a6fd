// A model behind a codebook is a model like another: it can be validated, by the names of its inputs.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readKnownModel } from '../../../src/pipeline/known-model.ts';
import { share } from '../../../src/share.ts';
import { validate } from '../../../src/validate.ts';
import { modelFolder, writeRows } from '../../support/model-folder.ts';

it('validates what share --codebook wrote', async () => {
  const folder = modelFolder({ layers: 1, hidden: 256, ffn: 64 });
  const data = writeRows(folder, 30);
  const quiet = { bench: false, threads: 1 };
  const made = await share(folder, { codebook: 256, dev: data, output: join(folder, 'coded'), ...quiet });
  const { path } = made.output!;
  const { graph } = readKnownModel(path).model;
  expect([...graph.initializers.keys()].some((name) => /word/.test(name))).toBe(false);
  const report = await validate(folder, [path], { data, ...quiet });
  expect(report.parity!.cosine).toBeCloseTo(made.parity!.cosine, 6);
});
