// `prune --vocabulary` from folder to folder: files that agree, tokens as before, and what is refused.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import type { CompressionReport } from '../../../src/index.ts';
import { prune, type PruneOptions } from '../../../src/prune.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { buildBert, tinyShape } from '../../support/bert.ts';
import { modelFolder, writeRows } from '../../support/model-folder.ts';
import { tempDir } from '../../support/temp.ts';

interface TokenizerJson {
  model: { vocab: Record<string, number>; merges?: (string | string[])[] };
}

const read = (...path: string[]): Record<string, unknown> =>
  JSON.parse(readFileSync(join(...path), 'utf8')) as Record<string, unknown>;
const readTokenizer = (folder: string): TokenizerJson =>
  JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as TokenizerJson;
const write = (folder: string, name: string, value: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
};

/** A folder with all files that name tokens, and a corpus of a few words. */
function wordPieceFolder(): { folder: string; corpus: string } {
  const folder = modelFolder();
  const { vocab } = readTokenizer(folder).model;
  const size = Object.keys(vocab).length;
  write(folder, 'vocab.txt', `${Object.keys(vocab).sort((a, b) => vocab[a]! - vocab[b]!).join('\n')}\n`); // prettier-ignore
  write(folder, 'config.json', { ...read(folder, 'config.json'), vocab_size: size, pad_token_id: 0, eos_token_id: [3, 15], bos_token_id: null }); // prettier-ignore
  write(folder, 'tokenizer_config.json', { ...read(folder, 'tokenizer_config.json'), mask_token: '[MASK]', added_tokens_decoder: { 4: { content: '[MASK]' }, 5: { content: 'the' } } }); // prettier-ignore
  write(folder, 'special_tokens_map.json', { cls_token: { content: '[CLS]' } });
  return { folder, corpus: write(folder, 'corpus.txt', 'a good dance\n\nGood man, a child!\n') };
}

async function run(folder: string, options: PruneOptions): Promise<CompressionReport & { out: string }> {
  const out = join(tempDir(), 'out');
  const report = await prune(folder, { output: out, bench: false, threads: 1, ...options });
  return { ...(report as CompressionReport), out };
}

function tokens(folder: string, text: string): string[] {
  return new Tokenizer(read(folder, 'tokenizer.json'), read(folder, 'tokenizer_config.json')).encode(text).tokens;
}

describe('prune --vocabulary', () => {
  it('writes a folder in which model, tokenizer and configuration agree', async () => {
    const { folder, corpus } = wordPieceFolder();
    const { out, steps, input, output, notes, parity } = await run(folder, { vocabulary: [corpus] });
    const kept = steps[0]!.stats['tokens after']!;
    const gone = steps[0]!.stats['tokens before']! - kept;
    expect(gone).toBeGreaterThan(5);
    expect(readModel(join(out, 'onnx/model.onnx')).graph.initializers.get('word_embeddings')?.shape).toEqual([
      kept,
      32,
    ]);
    // a row is 32 numbers of 4 bytes, and the dimension of the table is written in one byte less or not
    expect(Math.abs(input.bytes - output.bytes - gone * 128)).toBeLessThan(4);
    const { vocab } = readTokenizer(out).model;
    expect(Object.values(vocab).sort((a, b) => a - b)).toEqual(Array.from({ length: kept }, (_, i) => i)); // prettier-ignore
    const lines = readFileSync(join(out, 'vocab.txt'), 'utf8').trimEnd().split('\n');
    expect(Object.fromEntries(lines.map((token, id) => [token, id]))).toEqual(vocab);
    const before = readTokenizer(folder).model.vocab;
    const id = (old: number): number => vocab[Object.keys(before).find((token) => before[token] === old)!]!;
    expect(read(out, 'config.json')).toMatchObject({ vocab_size: kept, pad_token_id: 0, eos_token_id: [3, id(15)], bos_token_id: null }); // prettier-ignore
    expect(read(out, 'tokenizer_config.json')['added_tokens_decoder']).toEqual({ 4: { content: '[MASK]' }, [id(5)]: { content: 'the' } }); // prettier-ignore
    expect(existsSync(join(out, 'special_tokens_map.json'))).toBe(true);
    for (const text of ['a good dance', 'Good man, a child!']) expect(tokens(out, text)).toEqual(tokens(folder, text));
    expect(tokens(out, 'bad')).toEqual(['[CLS]', 'b', '##a', '##d', '[SEP]']);
    expect(notes.join('\n')).toContain('all 2 texts of the corpus have the same tokens as before; outputs on 2 texts of the corpus are equal bit by bit'); // prettier-ignore
    expect(parity?.sqnrDb).toBeUndefined();
    expect(parity?.maxAbs).toBe(0);
  });

  it('reads several files of any format, keeps tokens that are asked for, and judges on labelled rows', async () => {
    const { folder, corpus } = wordPieceFolder();
    const table = write(folder, 'more.csv', 'text,label\n"not very, bad",x\nbad,y\n,y\n');
    const list = write(folder, 'keep.txt', 'movie\r\n##s\n');
    const dev = writeRows(folder, 40);
    const options = { vocabulary: [corpus, table], keepTokens: list, dev, label: 'label' };
    const { out, steps, accuracy, notes } = await run(folder, options);
    const { vocab } = readTokenizer(out).model;
    for (const token of ['not', 'very', 'bad', 'dance', 'movie', '##s']) expect(vocab).toHaveProperty(token);
    expect(vocab).not.toHaveProperty('was');
    expect(steps[0]!.stats).toMatchObject({ 'texts read': 4, 'asked for': 2, 'texts split otherwise': 0 });
    expect(accuracy).toMatchObject({ task: 'text-classification', samples: 40 });
    expect(notes.join('\n')).toContain('more.csv: 1 rows could not be used, the first on line 4: no text');
    const { steps: again } = await run(folder, { vocabulary: [corpus, table], keepTokens: 'movie,##s' });
    expect(again[0]!.stats['tokens after']).toBe(steps[0]!.stats['tokens after']);
  });

  it('removes rare tokens and says what that changed', async () => {
    const { folder, corpus } = wordPieceFolder();
    const { out, steps, notes } = await run(folder, { vocabulary: [corpus], minCount: 2 });
    expect(steps[0]!.stats).toMatchObject({ 'rare tokens removed': 3, 'texts split otherwise': 2 });
    expect(tokens(out, 'a good dance')).toEqual(['[CLS]', 'a', 'good', 'd', '##a', '##n', '##c', '##e', '[SEP]']);
    expect(notes.join('\n')).toContain('2 of 2 texts of the corpus are split into smaller tokens');
  });

  it('drops characters that the corpus does not have', async () => {
    const { folder, corpus } = wordPieceFolder();
    const json = readTokenizer(folder);
    Object.assign(json.model.vocab, { 東: 118, щ: 119 });
    write(folder, 'tokenizer.json', json);
    writeModel(buildBert({ ...tinyShape, hidden: 32, vocabulary: 120 }), join(folder, 'onnx/model.onnx'));
    const [all, some] = [await run(folder, { vocabulary: [corpus] }), await run(folder, { vocabulary: [corpus], characters: 'corpus' })]; // prettier-ignore
    expect(tokens(all.out, '東 щ')).toEqual(['[CLS]', '東', 'щ', '[SEP]']);
    expect(tokens(some.out, '東 щ d')).toEqual(['[CLS]', '[UNK]', '[UNK]', 'd', '[SEP]']);
  });

  it.each(['byte-level', 'unigram'])('prunes a %s vocabulary, and heads and neurons after it', async (kind) => {
    const folder = tempDir();
    copyFileSync(
      fileURLToPath(new URL(`../../data/tokenizer-${kind}.json`, import.meta.url)),
      join(folder, 'tokenizer.json'),
    );
    const { vocab, merges } = readTokenizer(folder).model;
    write(folder, 'tokenizer_config.json', { pad_token: '<pad>' });
    write(folder, 'config.json', { model_type: 'roberta', pad_token_id: 1, max_position_embeddings: 64 });
    if (merges) {
      write(folder, 'vocab.json', vocab);
      write(folder, 'merges.txt', ['#version: 0.2', ...merges.map((merge) => [merge].flat().join(' ')), ''].join('\n'));
    } else write(folder, 'sentencepiece.bpe.model', 'old');
    mkdirSync(join(folder, 'onnx'));
    const rows = Object.keys(vocab).length;
    writeModel(buildBert({ ...tinyShape, vocabulary: rows + 9, positions: 64 }), join(folder, 'onnx/model.onnx'));
    const corpus = write(folder, 'corpus.txt', 'The weather is nice today.\nnaïve café, 東京 🙂\n');
    const { out, steps, notes } = await run(folder, { vocabulary: [corpus], keepMacs: 0.5 });
    expect(steps.map(({ pass }) => pass)).toEqual(['prune-vocabulary', 'prune']);
    expect(steps[0]!.stats['tokens before']).toBe(rows + 9);
    for (const text of readFileSync(corpus, 'utf8').split('\n'))
      expect(tokens(out, text)).toEqual(tokens(folder, text));
    const { model } = readTokenizer(out);
    if (merges) {
      expect(read(out, 'vocab.json')).toEqual(model.vocab);
      const lines = readFileSync(join(out, 'merges.txt'), 'utf8').trimEnd().split('\n');
      expect(lines).toEqual(['#version: 0.2', ...model.merges!.map((merge) => [merge].flat().join(' '))]);
      expect(lines.length).toBeLessThan(merges.length);
    } else {
      expect(existsSync(join(out, 'sentencepiece.bpe.model'))).toBe(false);
      expect(notes).toContain('sentencepiece.bpe.model is not copied: tokenizer.json has all that is in it');
    }
  });

  it('goes before cuts and healing of several models, which are all judged with their own tokenizer', async () => {
    const { folder, corpus } = wordPieceFolder();
    const data = writeRows(folder, 60);
    const options = { vocabulary: [corpus], data, keepMacs: [0.7, 0.5], healEpochs: 1, batch: 16 };
    const { out, candidates = [], steps, input } = await run(folder, options);
    expect(input.path).toBe(join(folder, 'onnx/model.onnx'));
    expect(candidates.map(({ output }) => output.path)).toEqual([`${out}-0.7`, `${out}-0.5`].map((path) => join(path, 'onnx/model.onnx'))); // prettier-ignore
    expect(candidates.every(({ accuracy }) => accuracy?.samples === 6)).toBe(true);
    expect(steps.filter(({ pass }) => pass === 'prune-vocabulary')).toHaveLength(1);
    for (const keep of [0.7, 0.5]) {
      const { vocab } = readTokenizer(`${out}-${keep}`).model;
      expect(read(`${out}-${keep}`, 'config.json')).toMatchObject({ vocab_size: Object.keys(vocab).length });
    }
  });

  it.each<[string, PruneOptions, string]>([
    ['an unknown token', { keepTokens: 'movie,nonsense' }, "--keep-tokens: expected tokens of the vocabulary, found 'nonsense'"],
    ['a least count of none', { minCount: 0 }, '--min-count: expected a whole number from 1, found 0'],
    ['a file for the model alone', { output: 'x.onnx' }, '--output: expected a folder, which the new tokenizer goes into, found x.onnx'],
    ['a gate on a metric without rows', { maxDrop: '1%' }, '--max-drop'],
    ['a corpus that is not there', { vocabulary: ['nowhere.txt'] }, 'nowhere.txt: expected'],
    ['no corpus', { vocabulary: [] }, '--vocabulary: expected files of texts, found none'],
    ['flags without a corpus', { vocabulary: undefined, minCount: 2, keepMacs: 0.5 }, '--min-count: expected --vocabulary with it, found none'],
  ])('refuses %s', async (_, options, message) => {
    const { folder, corpus } = wordPieceFolder();
    await expect(run(folder, { vocabulary: [corpus], ...options })).rejects.toThrow(message);
  }); // prettier-ignore

  it('refuses a corpus that needs every token, a table without rows for all, and a folder without a tokenizer', async () => {
    const { folder, corpus } = wordPieceFolder();
    const words = Object.keys(readTokenizer(folder).model.vocab).join(',');
    await expect(run(folder, { vocabulary: [corpus], keepTokens: words })).rejects.toThrow('expected a corpus that leaves tokens over'); // prettier-ignore
    writeModel(buildBert({ ...tinyShape, vocabulary: 100 }), join(folder, 'onnx/model.onnx'));
    await expect(run(folder, { vocabulary: [corpus] })).rejects.toThrow('expected a row for each token of tokenizer.json, found 100'); // prettier-ignore
    const bare = join(tempDir(), 'model.onnx');
    writeModel(buildBert(), bare);
    await expect(run(bare, { vocabulary: [corpus] })).rejects.toThrow('tokenizer.json: expected');
  });
});
