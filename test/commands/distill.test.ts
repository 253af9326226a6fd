// `bert-compress distill` as a user runs it: exit codes, flags, an interruption, and going on after one.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { reportSchema } from '../../src/index.ts';
import { cli } from '../support/cli.ts';
import { modelFolder, writeRows } from '../support/model-folder.ts';

const cache = mkdtempSync(join(tmpdir(), 'bert-compress-cache-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

const teacher = modelFolder({ layers: 3 });
const rows = writeRows(teacher, 120);
const fixed = ['--data', rows, '--no-bench', '--threads', '1', '--cache-folder', cache];
const run = (...flags: string[]) => cli(['distill', teacher, ...fixed, ...flags]);
const out = (name: string): string => join(teacher, name);

describe('distill', () => {
  it('takes layers, weights and a layer map; --json prints the report alone', async () => {
    const flags = ['--layers', '0,2', '--layer-map', '0:1,1:2', '--soft', '0.5', '--temperature', '3', '--steps', '4'];
    const { code, stdout } = await run(...flags, '-o', out('a'), '--json');
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(code).toBe(0);
    expect(report).toMatchObject({ command: 'distill', training: { steps: 4, stopped: 'done' } });
    expect(report.steps.map(({ pass }) => pass)).toEqual(['keep-layers', 'distill']);
    expect(report.steps[0]!.options).toEqual({ layers: [0, 2] });
    expect(report.steps[1]!.options).toMatchObject({ soft: 0.5, temperature: 3, hidden: 1, hard: 0.5, batch: 64 });
  });

  it('takes other teachers with their weights', async () => {
    const other = modelFolder({ layers: 1, seed: 5 });
    const flags = ['--layers', '1', '--steps', '2', '--teacher', `${other}=0.5`, '--teacher', other, '--teacher-weight', '2']; // prettier-ignore
    const { code, stdout } = await run(...flags, '-o', out('e'), '--json');
    expect(code).toBe(0);
    const { steps } = reportSchema.parse(JSON.parse(stdout));
    expect(steps[1]!.options['teachers']).toMatchObject([{ weight: 2 }, { weight: 0.5 }, { weight: 1 }]);
  });

  it('ends with 1 where a gate fails', async () => {
    const { code, stdout } = await run('--layers', '1', '--steps', '2', '-o', out('b'), '--max-size', '1KB');
    expect(code).toBe(1);
    expect(stdout).toContain('verdict: fail');
    expect(existsSync(out('b/onnx/model.rejected.onnx'))).toBe(true);
  });

  it.each([
    [['--layers', 'three'], '--layers: expected a number such as 3 or layers such as 0,2,5'],
    [['--layers', '2', '--layer-map', '0-1'], '--layer-map: expected even, last or pairs'],
    [['--layers', '2', '--student', 'x'], '--student'],
    [['--layers', '2', '--cache', 'much'], '--cache: expected a size'],
    [['--layers', '2', '--teacher', 'x=much'], '--teacher: expected MODEL or MODEL=WEIGHT'],
    [['--layers', '2', '--teacher', 'x=2'], 'x: expected an .onnx file or a model folder'],
    [['--layers', '2', '--teacher-weight', '2'], '--teacher'],
    [['--layers', '2', '--augment', '2'], '--augment: expected a teacher that fills masks'],
    [['--layers', '9'], '--layers: expected 1 to 3'],
    [[], 'expected --layers, --heads or --ffn'],
  ])('ends with 2 for %o', async (flags, message) => {
    const { code, stderr } = await run(...flags, '-o', out('c'));
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(out('c'))).toBe(false);
  });

  it('keeps the student of an interrupted run, and goes on with it', { timeout: 120_000 }, async () => {
    const flags = ['--layers', '2', '--hard', '0', '-o', out('d'), '--checkpoint-every', '5'];
    let asked = false;
    const first = await cli(['distill', teacher, ...fixed, ...flags, '--minutes', '5', '--json'], (stderr, kill) => {
      if (!asked && /training: \d/.test(stderr)) {
        asked = true;
        kill('SIGINT');
      }
    });
    expect(first.code).toBe(130);
    const report = reportSchema.parse(JSON.parse(first.stdout));
    expect(report.training).toMatchObject({ stopped: 'interrupted' });
    expect(existsSync(out('d/onnx/model.onnx'))).toBe(true);
    const steps = report.training!.steps + 5;
    const second = await run(...flags, '--steps', String(steps), '--resume', '--json');
    expect(second.code).toBe(0);
    expect(reportSchema.parse(JSON.parse(second.stdout)).training).toMatchObject({ steps, stopped: 'done' });
  });
});
