// `bert-compress train` as a user runs it: exit codes, what stands on stdout and stderr, and an interruption.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import Distill from '../../src/commands/distill.ts';
import Train from '../../src/commands/train.ts';
import { reportSchema } from '../../src/index.ts';
import { cli } from '../support/cli.ts';
import { modelFolder, writeRows } from '../support/model-folder.ts';
import { refusal } from '../support/refusal.ts';

const quick = ['--threads', '1', '--batch', '16'];

describe('success', () => {
  it('writes a folder beside the model, and prints what was learned', async () => {
    const folder = modelFolder();
    const { code, stdout, stderr } = await cli([
      'train',
      folder,
      '--data',
      writeRows(folder),
      '--steps',
      '3',
      ...quick,
    ]);
    expect({ code, stderr: stderr.replace(/^accuracy on 6 rows: .* %\n$/, '') }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/trained [\d,]+ numbers on 54 rows, judged on 6: 3 steps, 0\.75 epochs/);
    expect(stdout).toContain('verdict: not checked');
    expect(readdirSync(`${folder}-trained`).toSorted()).toEqual([
      'config.json',
      'onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  it('trains several tasks on one encoder', async () => {
    const folder = modelFolder();
    const data = writeRows(folder);
    const args = [
      'train',
      folder,
      '--task',
      `a=${data}`,
      '--task',
      `b:text-classification=${data}`,
      '--dev',
      `b=${data}`,
    ];
    const { code, stdout, stderr } = await cli([
      ...args,
      '--steps',
      '2',
      '--max-drop',
      '100pt',
      '-q',
      '--json',
      ...quick,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report.tasks!.map(({ output, accuracy }) => [output, accuracy.samples])).toEqual([
      ['logits_a', 6],
      ['logits_b', 60],
    ]);
    expect(report.verdict).toBe('pass');
    const refused = await refusal(Distill, [`${folder}-trained`, '--layers', '1', '--data', data, ...quick]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/expected texts without labels for a model with 2 heads \(logits_a, logits_b\)/);
  });

  it('trains in float16, in pieces and in two processes; --json prints the report and nothing else', async () => {
    const folder = modelFolder();
    const how = ['--precision', 'fp16', '--piece-tokens', '24', '--workers', '2', '--clip-value', '5'];
    const args = ['train', folder, '--data', writeRows(folder), '--steps', '3', '--split', '0', '-q', '--json'];
    const { code, stdout, stderr } = await cli([...args, ...how, ...quick]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report.training).toMatchObject({
      steps: 3,
      rows: { train: 60 },
      scaling: { scale: 2 ** 16, skipped: 0 },
    });
    expect(report.accuracy).toBeUndefined();
    expect(report.notes).toContain('accuracy was not measured: no rows to judge by (--dev, --split)');
  });

  it('--help shows examples and exit codes', async () => {
    const { code, stdout } = await cli(['train', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/EXAMPLES[\s\S]*--min-metric 88%/);
    expect(stdout).toMatch(/Ctrl-C ends the training and keeps the\s+best model so far/);
  });
});

describe('Ctrl-C', () => {
  it('ends the training, keeps the model and exits with 130', async () => {
    const folder = modelFolder();
    const data = join(folder, 'many.tsv');
    const lines = Array.from({ length: 4000 }, (_, i) => `a good movie ${i}\t${i % 2 ? 'positive' : 'negative'}`);
    writeFileSync(data, ['text\tlabel', ...lines, ''].join('\n'));
    let killed = false;
    const args = ['train', folder, '--data', data, '--epochs', '1000', '--evaluate-every', '5', ...quick];
    const { code, stdout } = await cli(args, (text, kill) => {
      if (killed || !/accuracy on/.test(text)) return;
      killed = true;
      kill('SIGINT');
    });
    expect(code).toBe(130);
    expect(stdout).toMatch(/note: interrupted after \d+ steps: the best model so far is written; --resume goes on/);
    expect(existsSync(`${folder}-trained/onnx/model.onnx`)).toBe(true);
    expect(readdirSync(`${folder}-trained.checkpoint`).join()).toMatch(/^checkpoint-\d+/);
  });
});

describe('failures', () => {
  const folder = modelFolder();

  it('a gate that does not hold is exit code 1', async () => {
    const args = ['train', folder, '--data', writeRows(folder), '--steps', '1', '--rate', '0', '--min-metric', '100%'];
    const { code, stdout } = await cli([...args, ...quick]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL accuracy: expected at least 100\.00 %, found/);
    expect(existsSync(`${folder}-trained/onnx/model.rejected.onnx`)).toBe(true);
  });

  it.each([
    ['no data', [], /^bert-compress: expected --data FILE, or --task NAME=FILE .*, found neither\n$/],
    [
      'a task that is none',
      ['--data', 'x.tsv', '--task', 'poetry'],
      /^bert-compress: --task: expected one of text-classification, .*, found 'poetry'\n$/,
    ],
    [
      'a rate that is none',
      ['--data', 'x.tsv', '--rate', 'fast'],
      /^bert-compress: --rate: expected a number from 0, found 'fast'\n$/,
    ],
    [
      'a precision that is none',
      ['--data', 'x.tsv', '--precision', 'fp8'],
      /^bert-compress: .*Expected --precision=fp8 to be one of: fp32, fp16.*\n$/,
    ],
    [
      'data that is not there',
      ['--data', 'x.tsv'],
      /^bert-compress: x\.tsv: expected a readable file, found no such file\n$/,
    ],
    [
      'two lengths',
      ['--data', 'x.tsv', '--steps', '1', '--minutes', '1'],
      /^bert-compress: .*cannot also be provided.*\n$/,
    ],
  ])('%s: one line on stderr, exit code 2', async (_name, args, message) => {
    const { code, stdout, stderr } = await refusal(Train, [folder, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
