// prune on small models: layers dropped, healing in steps, budgets, refusals before anything is written.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { architectureOf } from '../../../src/bert/summary.ts';
import { UserError } from '../../../src/errors.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import { prune, type PruneOptions } from '../../../src/prune.ts';
import { reportSchema } from '../../../src/report/schema.ts';
import { renderText } from '../../../src/report/text.ts';
import { modelFolder, writeRows } from '../../support/model-folder.ts';
import { tempDir } from '../../support/temp.ts';

const model = modelFolder({ layers: 3, heads: 4, ffn: 64 });
const rows = writeRows(model, 90);

async function run(options: PruneOptions) {
  const output = join(tempDir(), 'pruned');
  const report = await prune(model, { bench: false, threads: 1, by: 'magnitude', output, ...options });
  expect(reportSchema.safeParse(report).error).toBeUndefined();
  return { report, folder: output };
}

function headsOf(folder: string): readonly unknown[] {
  return architectureOf(recognise(readModel(join(folder, 'onnx/model.onnx')))).heads;
}

describe('prune', () => {
  it('draws heads and neurons by layer', async () => {
    const { report } = await run({ keepMacs: 0.5 });
    expect(renderText(report, 100)).toMatch(/feed-forward neurons\n +0 .* of 4 +█.* of 64/);
  });

  it('stores weights of the same content once, as every writer does', async () => {
    const twin = modelFolder({ layers: 3, heads: 4, ffn: 64 });
    const path = join(twin, 'onnx/model.onnx');
    const twice = readModel(path);
    const [first, second] = recognise(twice).encoders[0]!.layers.map(({ attention }) => attention.query!.weight);
    twice.graph.initializers.set(second!.name, first!.tensor);
    writeModel(twice, join(twin, 'twice.onnx'));
    const output = join(tempDir(), 'once.onnx');
    const options: PruneOptions = { dropLayers: [2], bench: false, threads: 1, output };
    const report = await prune(join(twin, 'twice.onnx'), options);
    expect(report.steps.map(({ pass }) => pass)).toEqual(['drop-layers', 'share-exact']);
  });

  it('drops the layers that are named', async () => {
    const { report, folder } = await run({ dropLayers: [1] });
    expect(report.steps[0]).toMatchObject({ pass: 'drop-layers', options: { layers: [1] } });
    expect(report.structure!.layers.map(({ heads }) => heads.after)).toEqual([4, 0, 4]);
    expect(headsOf(folder)).toEqual([4, 4]);
  });

  it('drops those without which the answers change least, averaged into their neighbours', async () => {
    const { report, folder } = await run({ dropLayers: 1, mergeLayers: true, keepMacs: 0.4 });
    expect(report.steps.map(({ pass }) => pass)).toEqual(['merge-layers', 'prune']);
    expect(report.notes.join()).toMatch(/layers dropped one after the other.*KL divergence/);
    const { macs, layers } = report.structure!;
    // the share is one of the original, dropped layers counted
    expect(macs.after / macs.before).toBeLessThanOrEqual(0.4);
    expect(macs.after / macs.before).toBeGreaterThan(0.35);
    expect(layers.filter(({ heads, ffn }) => heads.after + ffn.after === 0)).toHaveLength(1);
    expect(headsOf(folder).length).toBeLessThanOrEqual(2);
  });

  it('heals in steps, nearer to the original than before, and keeps the figures of before', async () => {
    const healing = { tune: false, healEpochs: 8, healRate: 1e-3, iterations: 2, batch: 16 };
    // labels at random would lead away from the original
    const texts = join(tempDir(), 'texts.tsv');
    writeFileSync(texts, readFileSync(rows, 'utf8').replaceAll(/\t.*/g, ''));
    const { report } = await run({ keepMacs: 0.3, data: texts, dev: rows, ...healing });
    expect(report.steps.map(({ pass }) => pass)).toEqual(['prune', 'heal', 'prune', 'heal']);
    expect(report.training).toMatchObject({ stopped: 'done', epochs: 4 });
    expect(report.beforeHealing!.accuracy).toMatchObject({ metric: 'accuracy' });
    expect(report.parity!.kl!).toBeLessThan(report.beforeHealing!.parity!.kl!);
    expect(renderText(report, 100)).toMatch(/before healing: accuracy .*KL/);
  });

  it.each<[PruneOptions, string]>([
    [{}, 'expected a budget such as --keep-macs 0.6'],
    [{ keepMacs: 1.5 }, '--keep-macs: expected shares between 0 and 1, found 1.5'],
    [{ keepMacs: [0.5, 0.5] }, 'expected each share once, found 0.5 twice'],
    [{ keepMacs: 0.5, maxSize: '1MB' }, 'expected one budget, found --keep-macs and --max-size'],
    [{ maxSize: '1KB' }, '--max-size: expected'],
    [{ speedup: 'fast' }, '--speedup: expected a factor'],
    [{ speedup: '0.9x' }, '--speedup: expected a factor above 1'],
    [{ dropLayers: 3 }, '--drop-layers: expected 1 to 2 of the 3 layers, found 3'],
    [{ mergeLayers: true, keepMacs: 0.5 }, '--merge-layers: expected --drop-layers'],
    [{ keepMacs: 0.5, healMinutes: 1 }, '--heal-minutes: expected --data'],
    [{ keepMacs: 0.5, data: rows, healMinutes: 0 }, '--heal-minutes: expected a number above 0'],
    [{ keepMacs: 0.5, healMinutes: 1, healEpochs: 1 }, 'expected one of --heal-minutes and --heal-epochs'],
    [{ keepMacs: 0.5, iterations: 3 }, '--iterations: expected healing between them'],
    [{ keepMacs: 0.5, maxDrop: '1pt' }, '--max-drop: expected --data'],
    [{ keepMacs: [0.5, 0.6], output: 'x.onnx' }, "--output: expected a folder's name for several models"],
  ])('refuses %o', async (options, message) => {
    const output = join(tempDir(), 'none');
    const given = { bench: false, threads: 1, by: 'magnitude', output, ...options } as const;
    const error = await prune(model, given).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toContain(message);
    expect(existsSync(output)).toBe(false);
  });
});
