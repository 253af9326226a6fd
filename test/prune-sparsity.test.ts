// Sparsity as a complete job: report, gates, refusals, healing that leaves zeros where they are.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import Prune from '../src/commands/prune.ts';
import { prune, type PruneOptions } from '../src/prune.ts';
import { asFloat32 } from '../src/ir/tensor.ts';
import { readModel } from '../src/onnx/read.ts';
import { quantize } from '../src/quantize.ts';
import { reportSchema, type Report } from '../src/report/schema.ts';
import { renderText } from '../src/report/text.ts';
import { modelFolder, writeRows } from './support/model-folder.ts';
import { refusal } from './support/refusal.ts';

const folder = modelFolder({ layers: 1 });
const data = writeRows(folder);
const outputOf = (report: Report): string => report.output!.path;
let count = 0;
const run = (options: PruneOptions): Promise<Report> =>
  prune(folder, { data, dev: data, bench: false, threads: 1, output: join(folder, `out-${count++}`), ...options });

/** Shares of zeros of the layers' weights. */
function sharesOf(report: Report): number[] {
  const { initializers } = readModel(outputOf(report)).graph;
  return [...initializers]
    .filter(([name, { shape }]) => /^layer.*weight$/.test(name) && shape.length === 2)
    .map(([, tensor]) => {
      const values = asFloat32(tensor);
      return values.filter((value) => value === 0).length / values.length;
    });
}

describe('a share of zeros', () => {
  it.each(['magnitude', 'wanda', 'sparsegpt'] as const)('is a complete job by %s', async (sparsityBy) => {
    const report = reportSchema.parse(await run({ sparsity: 0.75, sparsityBy, maxDrop: '100%' })) as Report;
    expect(report.verdict).toBe('pass');
    expect(sharesOf(report)).toEqual(Array.from({ length: 6 }, () => 0.75));
    const [step] = report.steps!;
    expect(step).toMatchObject({ pass: 'sparsify', changed: true, options: { sparsity: 0.75, method: sparsityBy } });
    expect(step!.stats).toMatchObject({ weights: 6, zeros: 0.75 * step!.stats['numbers']! });
    const { input, output } = report;
    expect(output!.bytes).toBe(input.bytes);
    expect(output!.compressed!.gzip).toBeLessThan(input.compressed!.gzip);
    expect(report.notes.join('\n')).toMatch(/75\.0 % of the [\d,]+ numbers of 6 weights are zero .*no faster on zeros/);
  });

  it('is by SparseGPT with texts, by magnitude without, and the same every time', async () => {
    const [a, b] = [await run({ pattern: '2:4' }), await run({ pattern: '2:4' })];
    expect(a.steps![0]!.options).toMatchObject({ method: 'sparsegpt' });
    expect(a.output!.sha256).toBe(b.output!.sha256);
    const without = await prune(folder, { sparsity: 0.5, bench: false, threads: 1, output: join(folder, 'without') });
    expect(without.steps![0]!.options).toMatchObject({ method: 'magnitude' });
  });

  it('is of the head as well where that is asked, and of none that is kept dense', async () => {
    const report = await run({ sparsity: 0.5, sparseHead: true, keepDense: ['*query*'] });
    expect(report.steps![0]!.stats['weights']).toBeGreaterThan(5);
    expect(report.steps![0]!.skipped.map(({ reason }) => reason)).toEqual(['kept dense by --keep-dense']);
  });

  it('gets smaller with int8 on top, under gzip', async () => {
    const sparse = await run({ sparsity: 0.9, sparsityBy: 'magnitude' });
    const report = await quantize(outputOf(sparse), { data, bench: false, threads: 1 });
    const dense = await quantize(folder, { data, output: join(folder, 'dense.onnx'), bench: false, threads: 1 });
    const packed = (path: string): number => gzipSync(readFileSync(path)).length;
    expect(packed(report.output.path)).toBeLessThan(0.9 * packed(dense.output.path));
  });
});

describe('healing', () => {
  it('leaves zeros where they are', async () => {
    const report = await run({ sparsity: 0.75, healEpochs: 2, batch: 16 });
    expect(report.steps!.map(({ pass }) => pass)).toEqual(['sparsify', 'heal']);
    expect(sharesOf(report)).toEqual(Array.from({ length: 6 }, () => 0.75));
  });

  it('makes them on the way', async () => {
    const report = await run({ sparsity: 0.75, gradual: true, healEpochs: 3, batch: 16 });
    expect(report.steps!.map(({ pass, changed }) => [pass, changed])).toEqual([
      ['heal', true],
      ['sparsify', false],
    ]);
    expect(sharesOf(report)).toEqual(Array.from({ length: 6 }, () => 0.75));
  });

  it('comes after heads and neurons went as well', async () => {
    // the first layer loses its attention, so that its feed-forward block is in no layer any more
    const two = modelFolder();
    const output = join(two, 'out');
    const options = { data, dev: data, bench: false, threads: 1, output, healEpochs: 1, batch: 16 };
    const report = await prune(two, { ...options, keepMacs: 0.6, sparsity: 0.5 });
    expect(report.steps!.map(({ pass }) => pass)).toEqual(['prune', 'tune', 'sparsify', 'heal']);
    for (const share of sharesOf(report)) expect(share).toBeCloseTo(0.5, 1);
  });
});

describe('refusals', () => {
  it.each<[PruneOptions, RegExp]>([
    [{ sparsity: 1.2 }, /^--sparsity: expected a share above 0 and below 1, found 1.2$/],
    [{ pattern: '4:2' }, /^--pattern: expected N:M with 0 < N < M, as 2:4, found '4:2'$/],
    [{ sparsity: 0.5, sparsityBy: 'wanda', data: undefined }, /^--sparsity-by wanda: expected texts, found none/],
    [{ sparsityBy: 'wanda' }, /^--sparsity-by: expected --sparsity or --pattern, found neither$/],
    [{ sparsity: 0.5, gradual: true }, /^--gradual: expected --heal-minutes or --heal-epochs, found neither$/],
    [{ pattern: '2:4', gradual: true, healEpochs: 1 }, /^--gradual: expected --sparsity, found --pattern$/],
    [
      { sparsity: 0.5, sparsityBy: 'wanda', gradual: true, healEpochs: 1 },
      /^--gradual: expected --sparsity-by magnitude/,
    ],
    [{ sparsity: 0.5, keepDense: ['nothing'] }, /^--keep-dense: expected the name of a dense layer/],
    [{ pattern: '1:5' }, /expected something to remove|no multiple of 5/],
  ])('%j', async (options, message) => {
    await expect(async () => run(options)).rejects.toThrow(message);
  });

  it('of the command are one line and exit code 2', async () => {
    const wrong = await refusal(Prune, [folder, '--sparsity', '1.5']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr.trim().split('\n')).toHaveLength(1);
  });
});

it('a gate that fails is told with the size under gzip', async () => {
  const dev = join(folder, 'rows.tsv');
  writeFileSync(dev, 'text\tlabel\nthe good movie\tpositive\nthe good movie\tneutral\n');
  const report = await run({ sparsity: 0.5, data: undefined, dev, minMetric: '0.99' });
  expect(report.verdict).toBe('fail');
  expect(renderText(report, 100)).toContain('size, gzip');
});
