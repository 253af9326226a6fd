// `bert-compress quantize` as a user runs it: exit codes, what stands on stdout and stderr.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import Quantize from '../../src/commands/quantize.ts';
import { reportSchema } from '../../src/index.ts';
import { cli } from '../support/cli.ts';
import { modelFolder, writeRows } from '../support/model-folder.ts';
import { refusal } from '../support/refusal.ts';

const quick = ['--no-bench', '--threads', '1'];

describe('success', () => {
  it('prints a table and the verdict, exit code 0', async () => {
    const folder = modelFolder();
    const { code, stdout, stderr } = await cli([
      'quantize',
      folder,
      '--data',
      writeRows(folder),
      '--max-drop',
      '100%',
      ...quick,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/size .* MB|size .* kB/);
    expect(stdout).toMatch(/accuracy .* points \(95 %: .*\), 60 samples/);
    expect(stdout).toContain('verdict: pass');
  });

  it('--json prints the report and nothing else; --report writes files', async () => {
    const folder = modelFolder();
    const [json, markdown] = [join(folder, 'r.json'), join(folder, 'sub/r.md')];
    const { code, stdout } = await cli([
      'quantize',
      folder,
      '--json',
      '--report',
      json,
      '--report',
      markdown,
      ...quick,
    ]);
    expect(code).toBe(0);
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual(report);
    expect(readFileSync(markdown, 'utf8')).toContain('### bert-compress quantize: not-checked');
  });

  it('--help shows examples and exit codes', async () => {
    const { code, stdout } = await cli(['quantize', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/EXAMPLES[\s\S]*--max-drop 0\.5pt/);
    expect(stdout).toMatch(/Exit code: 0 done/);
  });
});

describe('a gate that fails', () => {
  it('is exit code 1, with the reason, and the report is still complete', async () => {
    const folder = modelFolder();
    const { code, stdout } = await cli(['quantize', folder, '--json', '--max-size', '10B', ...quick]);
    expect(code).toBe(1);
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report.verdict).toBe('fail');
    expect(existsSync(report.output!.path)).toBe(true);
    expect(report.output!.path).toMatch(/model_quantized\.rejected\.onnx$/);
  });
});

describe('refusals', () => {
  it.each([
    [
      'a model that is not there',
      ['nowhere.onnx'],
      /^bert-compress: nowhere\.onnx: expected an \.onnx file or a model folder, found nothing\n$/,
    ],
    ['an unknown flag', ['m.onnx', '--fast'], /^bert-compress: Nonexistent flag: --fast.*\n$/],
    ['a missing argument', [], /^bert-compress: Missing 1 required arg.*model.*\n$/s],
    [
      'a gate that is no number',
      ['m.onnx', '--max-drop', 'little'],
      /^bert-compress: --max-drop: expected .* found 'little'\n$/,
    ],
    [
      'a flag of another precision',
      ['m.onnx', '--to', 'fp16', '--granularity', 'per-tensor'],
      /^bert-compress: --granularity: expected --to int8 or uint8, found --to fp16\n$/,
    ],
    [
      'a report format',
      ['m.onnx', '--report', 'r.doc'],
      /^bert-compress: --report: expected a name ending in .* found 'r\.doc'\n$/,
    ],
    [
      'a provider this machine lacks',
      ['FOLDER', '--ep', 'coreml'],
      /^bert-compress: provider: expected one of .* found 'coreml'\n$/,
    ],
  ])('%s: one line on stderr, nothing on stdout, exit code 2', async (_name, args, message) => {
    const folder = args.includes('FOLDER') ? modelFolder() : '';
    const { code, stdout, stderr } = await refusal(
      Quantize,
      args.map((arg) => (arg === 'FOLDER' ? folder : arg)),
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('a text file renamed .onnx', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bert-compress-test-'));
    writeFileSync(join(folder, 'model.onnx'), 'hello, I am no model\n');
    const { code, stderr } = await cli(['quantize', join(folder, 'model.onnx'), '--json']);
    rmSync(folder, { recursive: true });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^bert-compress: .*model\.onnx: not a readable ONNX model: .*\n$/);
  });
});
