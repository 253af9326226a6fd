// `bert-compress prune` as a user runs it: what it writes, flags, gates, refusals.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recognise } from '../../src/bert/recognise.ts';
import { architectureOf } from '../../src/bert/summary.ts';
import Prune from '../../src/commands/prune.ts';
import { reportSchema, type Report } from '../../src/index.ts';
import { readModel } from '../../src/onnx/read.ts';
import { cli } from '../support/cli.ts';
import { modelFolder, writeRows } from '../support/model-folder.ts';
import { refusal } from '../support/refusal.ts';

const model = modelFolder({ layers: 3, heads: 4, ffn: 64 });
const rows = writeRows(model, 90);
const quick = ['--no-bench', '--threads', '1'];
const run = (...flags: string[]) => cli(['prune', model, ...quick, ...flags]);
const out = (name: string): string => join(model, name);

async function reportOf(...flags: string[]): Promise<Report> {
  const { code, stdout, stderr } = await run(...flags, '--json');
  expect(code, stderr).toBe(0);
  return reportSchema.strict().parse(JSON.parse(stdout));
}

function shapeOf(path: string): { heads: readonly unknown[]; ffn: readonly unknown[] } {
  return architectureOf(recognise(readModel(path)));
}

describe('prune', () => {
  it('removes heads and neurons to a share of the multiply-adds, and says so in report and folder', async () => {
    const report = await reportOf('--keep-macs', '0.6', '--by', 'magnitude', '--data', rows, '-o', out('a'));
    const { layers, macs } = report.structure!;
    expect(macs.after / macs.before).toBeLessThanOrEqual(0.6);
    expect(macs.after / macs.before).toBeGreaterThan(0.55);
    const shape = shapeOf(out('a/onnx/model.onnx'));
    expect(shape.heads).toEqual(layers.map(({ heads }) => heads.after).filter((count) => count > 0));
    expect(layers.every(({ heads, ffn }) => heads.before === 4 && ffn.before === 64)).toBe(true);
    const config = JSON.parse(readFileSync(out('a/config.json'), 'utf8')) as Record<string, unknown>;
    expect(config['intermediate_sizes'] ?? config['intermediate_size']).toBeDefined();
    expect(existsSync(out('a/tokenizer.json'))).toBe(true);
    expect(report.accuracy).toMatchObject({ metric: 'accuracy', samples: 9 });
  });

  it('learns under a penalty what may go; without rows there is nothing to learn from', async () => {
    const report = await reportOf('--keep-macs', '0.6', '--by', 'l1', '--no-tune', '--data', rows, '-o', out('l1'));
    const { layers, macs } = report.structure!;
    expect(macs.after / macs.before).toBeLessThanOrEqual(0.6);
    expect(layers.some(({ ffn }) => ffn.after < ffn.before)).toBe(true);
    const again = await reportOf('--keep-macs', '0.6', '--by', 'l1', '--no-tune', '--data', rows, '-o', out('l1'), '--force'); // prettier-ignore
    expect(again.output!.sha256).toBe(report.output!.sha256);
    const { code, stderr } = await refusal(Prune, [model, ...quick, '--keep-macs', '0.6', '--by', 'l1']);
    expect(code).toBe(2);
    expect(stderr).toContain('--by l1: expected rows to look at, found none');
  });

  it('makes a model for each of several shares, each in a folder, with a picture', async () => {
    const { code, stdout } = await run('--keep-macs', '0.9,0.7,0.5', '--dev', rows, '-o', out('b'), '--report', out('b.html')); // prettier-ignore
    expect(code).toBe(0);
    for (const share of ['0.9', '0.7', '0.5']) expect(existsSync(out(`b-${share}/onnx/model.onnx`))).toBe(true);
    expect(stdout).toMatch(/multiply-adds/);
    expect(stdout).not.toMatch('feed-forward neurons');
    const page = readFileSync(out('b.html'), 'utf8');
    expect(page).toContain('Heads and neurons by layer');
    expect(page).toContain('Multiply-adds against the metric');
  });

  it('ends with 1 where a gate fails, and keeps the model as rejected', async () => {
    const { code, stdout } = await run('--keep-macs', '0.5', '--dev', rows, '-o', out('g'), '--min-metric', '99.9%');
    expect(code).toBe(1);
    expect(stdout).toContain('verdict: fail');
    expect(existsSync(out('g/onnx/model.rejected.onnx'))).toBe(true);
    expect(existsSync(out('g/onnx/model.onnx'))).toBe(false);
  });

  it.each([
    [['--keep-macs', 'half'], '--keep-macs: expected shares such as 0.5'],
    [['--drop-layers', '0,7'], '--drop-layers: expected each of 0 to 2 at most once, found 7'],
    [['--speedup', '2x', '--speedup-at', 'big'], '--speedup-at: expected texts x tokens such as 8x128'],
  ])('ends with 2 for %o', async (flags, message) => {
    const { code, stderr } = await refusal(Prune, [model, ...quick, ...flags, '-o', out('z')]);
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(message);
    expect(existsSync(out('z'))).toBe(false);
  });
});
