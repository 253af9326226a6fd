// Real vocabularies pruned to real corpora: a multilingual one to English, a Chinese one to reviews, bytes of a trained BPE.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { expect, it } from 'vitest';
import type { CompressionReport } from '../../src/index.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { prune, type PruneOptions } from '../../src/prune.ts';
import { buildBert, tinyShape } from '../support/bert.ts';
import { describeWith, shared } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';

const hidden = 64;

/** A small model with a row for each token of a real vocabulary. */
function modelFolder(vocabulary: string, rows: number): string {
  const folder = tempDir();
  mkdirSync(join(folder, 'onnx'));
  for (const file of ['vocab.txt', 'tokenizer.json']) copyFileSync(shared(`vocab/${vocabulary}/${file}`), join(folder, file)); // prettier-ignore
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'bert', vocab_size: rows, pad_token_id: 0, max_position_embeddings: 128 })); // prettier-ignore
  writeModel(buildBert({ ...tinyShape, hidden, heads: 4, vocabulary: rows, positions: 128 }), join(folder, 'onnx/model.onnx')); // prettier-ignore
  return folder;
}

async function run(folder: string, options: PruneOptions): Promise<CompressionReport & { out: string }> {
  const out = join(tempDir(), 'out');
  return { ...((await prune(folder, { output: out, bench: false, ...options })) as CompressionReport), out };
}

const tokenizer = (folder: string): Tokenizer =>
  new Tokenizer(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as object, {});

/** The JavaScript library splits every text as before, and each number is that of its token. */
function expectSameTokens(before: string, after: string, texts: readonly string[]): void {
  const [old, now] = [tokenizer(before), tokenizer(after)];
  for (const text of texts) {
    const { ids, tokens } = now.encode(text);
    expect(tokens).toEqual(old.encode(text).tokens);
    expect(tokens.map((token: string) => now.token_to_id(token))).toEqual(ids);
  }
}

describeWith('vocab/bert-base-multilingual-cased', 'a multilingual vocabulary and an English corpus', () => {
  const sentences = readFileSync(shared('data/sst2/train.tsv'), 'utf8').split('\n').slice(1, 20_000).map((line) => line.split('\t')[0]!).filter((text) => text !== ''); // prettier-ignore

  it.each([['all', 20_000], ['corpus', 100]] as const)('shrinks by the unused part (characters: %s)', async (characters, least) => {
    const folder = modelFolder('bert-base-multilingual-cased', 119_547);
    const corpus = join(folder, 'english.txt');
    writeFileSync(corpus, sentences.join('\n'));
    const vocabulary = [corpus, shared('data/sst2/dev.tsv')];
    const { out, steps, input, output, parity, notes } = await run(folder, { vocabulary, characters });
    const { 'tokens before': before = 0, 'tokens after': after = 0 } = steps[0]!.stats;
    expect(before).toBe(119_547);
    expect(after).toBeGreaterThan(8_000 + least - 100);
    expect(after).toBeLessThan(10_000 + least);
    // the number of rows takes three bytes before and two or three after, in the dimension of the table
    const spared = input.bytes - output.bytes - (before - after) * hidden * 4;
    expect(spared).toBe(after < 2 ** 14 ? 1 : 0);
    expect(parity).toMatchObject({ maxAbs: 0 });
    expect(notes.join('\n')).toMatch(/all \d+ texts of the corpus have the same tokens as before; outputs on 64 texts of the corpus are equal bit by bit/); // prettier-ignore
    expectSameTokens(folder, out, sentences.slice(0, 3000));
    expect(readFileSync(join(out, 'vocab.txt'), 'utf8').trimEnd().split('\n')).toHaveLength(after);
  }); // prettier-ignore
});

describeWith('vocab/bert-base-chinese', 'a Chinese vocabulary and reviews', () => {
  it('keeps the characters of the corpus alone', async () => {
    const folder = modelFolder('bert-base-chinese', 21_128);
    const { out, steps } = await run(folder, {
      vocabulary: [shared('data/chnsenticorp/dev.tsv')],
      characters: 'corpus',
    });
    expect(steps[0]!.stats['tokens after']).toBeLessThan(9000);
    const lines = readFileSync(shared('data/chnsenticorp/dev.tsv'), 'utf8').split('\n').slice(1, 400);
    const texts = lines.map((line) => line.slice(0, line.lastIndexOf('\t')));
    expectSameTokens(folder, out, texts);
  });
});

describeWith(
  'graphs/mlcommons-tiny-xlmr-ce',
  'a cross-encoder with a BPE of bytes and positions counted from padding',
  () => {
    it('is the same on a corpus', async () => {
      const folder = tempDir();
      for (const file of ['model.onnx', 'tokenizer.json']) copyFileSync(shared(`graphs/mlcommons-tiny-xlmr-ce/${file}`), join(folder, file)); // prettier-ignore
      const corpus = join(folder, 'corpus.txt');
      writeFileSync(corpus, 'the cat sat\nhello there\n');
      const { out, steps } = await run(folder, { vocabulary: [corpus] });
      expect(steps[0]!.stats['tokens after']).toBeLessThan(steps[0]!.stats['tokens before']!);
      expectSameTokens(folder, out, ['the cat sat', 'hello there']);
    });
  },
);
