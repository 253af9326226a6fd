// `bert-compress prune --vocabulary` as a user runs it: exit codes and what is printed.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reportSchema } from '../../src/index.ts';
import { cli } from '../support/cli.ts';
import { modelFolder, writeRows } from '../support/model-folder.ts';

const folder = modelFolder();
const dev = writeRows(folder, 40);
const corpus = join(folder, 'corpus.txt');
writeFileSync(corpus, 'a good dance\nGood man, a child!\n');
const out = (name: string): string => join(folder, name);
const run = (...flags: string[]) => cli(['prune', folder, '--vocabulary', corpus, '--no-bench', ...flags]);

describe('prune --vocabulary', () => {
  it('ends with 0; --json prints the report alone', async () => {
    const { code, stdout } = await run('-o', out('a'), '--keep-tokens', 'movie', '--characters', 'corpus', '--json');
    expect(code).toBe(0);
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report).toMatchObject({ command: 'prune', output: { path: out('a/onnx/model.onnx') } });
    expect(report.steps).toMatchObject([
      { pass: 'prune-vocabulary', options: { vocabulary: [corpus], keepTokens: 'movie', characters: 'corpus' } },
    ]);
  });

  it('ends with 1 where a gate fails', async () => {
    const { code, stdout } = await run('--vocabulary', dev, '-o', out('b'), '--dev', dev, '--min-metric', '100%');
    expect(code).toBe(1);
    expect(stdout).toContain('verdict: fail');
    expect(existsSync(out('b/onnx/model.rejected.onnx'))).toBe(true);
    expect(existsSync(out('b/tokenizer.json'))).toBe(false);
  });

  it.each([
    [['--keep-tokens', 'nonsense'], "--keep-tokens: expected tokens of the vocabulary, found 'nonsense'"],
    [['--vocabulary', 'nowhere.txt'], 'nowhere.txt: expected'],
  ])('ends with 2 for %o', async (flags, message) => {
    const { code, stderr } = await run(...flags, '-o', out('c'));
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(out('c'))).toBe(false);
  });
});
