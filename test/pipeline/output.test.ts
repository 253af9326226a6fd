// Where outputs go, and what happens to them when the file system refuses or a run is killed.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantize, UsageError } from '../../src/index.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { removeStale, temporaryPrefix } from '../../src/pipeline/stale.ts';
import { modelFolder } from '../support/model-folder.ts';
import { tempDir } from '../support/temp.ts';

const quick = { bench: false, threads: 1, validate: false } as const;
const files = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();

describe('the file system refuses', () => {
  it.each([
    [
      'a device without space',
      '/dev/full',
      /\/dev\/full: expected a place .*found no space left on the device \(ENOSPC\)/,
    ],
    ['a folder that is not there', '/nowhere/at/all.onnx', /found nothing there \(ENOENT\)/],
    ['a name that is too long', join(tempDir(), `${'n'.repeat(300)}.onnx`), /found a name that is too long/],
  ])('%s: writeModel names the file and the reason', (_name, path, message) => {
    const model = readModel(join(modelFolder(), 'onnx/model.onnx'));
    expect(() => writeModel(model, path)).toThrow(UsageError);
    expect(() => writeModel(model, path)).toThrow(message);
  });

  it.each([
    ['below a file', (folder: string) => join(folder, 'config.json/x.onnx'), /x\.onnx: expected a place that can be/],
    ['a name that is too long', (folder: string) => join(folder, `${'n'.repeat(300)}.onnx`), /a name that is too long/],
    ['no name', () => '', /--output: expected FILE\.onnx or a folder, found an empty name/],
  ])('%s: one line, and nothing is left', async (_name, output, message) => {
    const folder = modelFolder();
    const before = files(folder);
    const run = quantize(folder, { ...quick, output: output(folder) });
    await expect(run).rejects.toThrow(UsageError);
    await expect(run).rejects.toThrow(message);
    expect(files(folder)).toEqual(before);
  });

  it('weights that vanish while they are read are the model that changed', () => {
    const folder = modelFolder({}, true);
    const model = readModel(join(folder, 'onnx/model.onnx'));
    rmSync(join(folder, 'onnx/model.onnx_data'));
    expect(() => writeModel(model, join(folder, 'copy.onnx'))).toThrow(
      /model\.onnx_data: expected the file the weights are read from, found nothing there/,
    );
  });
});

describe('the input is never replaced', () => {
  it('through a folder that is a link, or under a second name', async () => {
    const folder = modelFolder();
    const original = readFileSync(join(folder, 'onnx/model.onnx'));
    symlinkSync(folder, `${folder}-link`);
    linkSync(join(folder, 'onnx/model.onnx'), join(folder, 'onnx/same.onnx'));
    for (const output of [`${folder}-link/onnx/model.onnx`, join(folder, 'onnx/same.onnx')])
      await expect(quantize(folder, { ...quick, output, force: true })).rejects.toThrow('found the input itself');
    expect(readFileSync(join(folder, 'onnx/model.onnx')).equals(original)).toBe(true);
  });

  it('nor is its external data', async () => {
    const folder = modelFolder({}, true);
    const output = join(folder, 'onnx/model.onnx');
    const other = join(folder, 'onnx/other.onnx');
    writeFileSync(other, readFileSync(output)); // another file that reads model.onnx_data
    rmSync(output);
    await expect(quantize(other, { ...quick, output, force: true })).rejects.toThrow('found the input itself');
    expect(existsSync(join(folder, 'onnx/model.onnx_data'))).toBe(true);
  });

  it("nor is another model's data without force", async () => {
    const folder = modelFolder();
    writeFileSync(join(folder, 'x.onnx_data'), 'mine');
    await expect(quantize(folder, { ...quick, output: join(folder, 'x.onnx') })).rejects.toThrow(
      /x\.onnx_data: expected no file there/,
    );
  });
});

describe('folders', () => {
  it('take one precision after the other, and are told from files by what is there', async () => {
    const folder = modelFolder();
    const output = join(folder, 'out.onnx');
    mkdirSync(output);
    await quantize(folder, { ...quick, output });
    await quantize(folder, { ...quick, output, to: 'fp16' });
    expect(files(join(output, 'onnx'))).toEqual(['model_fp16.onnx', 'model_quantized.onnx']);
  });

  it('keep a configuration of their own, unless forced', async () => {
    const folder = modelFolder();
    const output = join(folder, 'out');
    mkdirSync(output);
    writeFileSync(join(output, 'config.json'), '{}');
    await expect(quantize(folder, { ...quick, output })).rejects.toThrow(/config\.json: expected no file there/);
  });

  it('that stand where the file should are refused', async () => {
    const folder = modelFolder();
    mkdirSync(join(folder, 'onnx/model_quantized.onnx'));
    await expect(quantize(folder, { ...quick, force: true })).rejects.toThrow(
      /model_quantized\.onnx: expected a file or nothing there, found a folder/,
    );
  });
});

describe('temporary folders', () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid;

  it('of a process that is dead go at the next run; all others stay', async () => {
    const folder = modelFolder();
    const place = join(folder, 'onnx');
    const left = mkdtempSync(join(place, temporaryPrefix(dead)));
    writeFileSync(join(left, 'model_quantized.onnx'), 'half a model');
    mkdirSync(join(place, '.bert-compress-0123abcd-1-abcdef')); // another machine's
    const running = mkdtempSync(join(place, temporaryPrefix(process.ppid)));
    await quantize(folder, quick);
    expect(existsSync(left)).toBe(false);
    expect(existsSync(running)).toBe(true);
    expect(existsSync(join(place, '.bert-compress-0123abcd-1-abcdef'))).toBe(true);
  });

  it('are never looked for behind links', () => {
    const [folder, elsewhere] = [tempDir(), tempDir()];
    writeFileSync(join(elsewhere, 'mine'), '');
    symlinkSync(elsewhere, join(folder, `${temporaryPrefix(dead)}abcdef`));
    removeStale(folder);
    expect(existsSync(join(elsewhere, 'mine'))).toBe(true);
    expect(readdirSync(folder)).toHaveLength(1);
  });
});
