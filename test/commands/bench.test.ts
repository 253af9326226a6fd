// `bert-compress bench` as a user runs it: exit codes, what stands on stdout and stderr.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import Bench from '../../src/commands/bench.ts';
import { reportSchema } from '../../src/index.ts';
import { cli } from '../support/cli.ts';
import { modelFolder } from '../support/model-folder.ts';
import { refusal } from '../support/refusal.ts';

const tiny = fileURLToPath(new URL('../support/tiny/classifier.onnx', import.meta.url));
const quick = ['--shapes', '1x4,2x8', '--threads', '1', '--seconds', '0.01'];

describe('success', () => {
  it('prints times, memory, operators and the verdict, exit code 0', async () => {
    const { code, stdout, stderr } = await cli(['bench', modelFolder(), tiny, '--profile', ...quick]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/latency 1 x 4 .* ms .* ms .*x \(95 %: .*x to .*x\), .* texts\/s/);
    expect(stdout).toMatch(/peak memory .* MB .* MB/);
    expect(stdout).toMatch(/operator .* 2 x 8/);
    expect(stdout).toContain('verdict: not checked');
  });

  it('--json prints the report and nothing else; a gate that fails is exit code 1', async () => {
    const folder = modelFolder();
    const file = join(folder, 'r.json');
    const args = ['bench', folder, tiny, folder, '--json', '--no-memory', '--min-speedup', '1000x', '--report', file];
    const { code, stdout, stderr } = await cli([...args, ...quick]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report.candidates).toHaveLength(2);
    expect(report.failures).toHaveLength(4);
    expect(report.candidates![0]!.memory).toBeUndefined();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(stdout));
  });

  it('--help shows examples and exit codes', async () => {
    const { code, stdout } = await cli(['bench', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/EXAMPLES[\s\S]*--min-speedup 1\.2x/);
    expect(stdout).toMatch(/Exit code: 0 done/);
  });
});

describe('refusals', () => {
  const folder = modelFolder();

  it.each([
    ['no candidate', [], /Missing 1 required arg.*candidate/],
    ['a model that is not there', ['no.onnx'], /^bert-compress: no\.onnx: expected .* found nothing\n$/],
    ['a batch that is no number', [tiny, '--batch', '1,x'], /Expected an integer but received: x/],
    ['shapes twice', [tiny, '--shapes', '1x4', '--batch', '1'], /--shapes.*--batch|--batch.*--shapes/],
    ['time that is none', [tiny, '--seconds', 'long'], /--seconds: expected a positive number/],
    ['a shape too long', [tiny, '--sequence', '99'], /shape 1x99: expected .* 24 positions\n$/],
  ])('%s: one line on stderr, nothing on stdout, exit code 2', async (_name, args, message) => {
    const { code, stdout, stderr } = await refusal(Bench, [folder, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
