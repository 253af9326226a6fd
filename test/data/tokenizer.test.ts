import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTokenizer, loadTokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { readJsonObject, type JsonObject } from '../../src/data/json-file.ts';
import { longestFirst } from '../../src/data/tokenizer/truncation.ts';
import vectors from './tokenizer-vectors.json' with { type: 'json' };

const tiny = fileURLToPath(new URL('../support/tiny', import.meta.url));

describe('loadTokenizer', () => {
  it('gives the ids and segments of Python’s tokenizers, whatever tokenizer.json says of truncation', async () => {
    const tokenizer = await loadTokenizer(tiny);
    expect(tokenizer).toMatchObject({ padId: 0, padSide: 'right', maxLength: 64 });
    for (const { text, pair, limit, ids, segments } of vectors.cases) {
      const encoding = tokenizer.encode(text, pair ?? undefined, limit);
      expect({ text, pair, limit, ids: [...encoding.ids], segments: [...encoding.segments] }).toEqual({
        text,
        pair,
        limit,
        ids,
        segments,
      });
    }
  });

  it('leaves no room for text', async () => {
    const tokenizer = await loadTokenizer(tiny);
    expect(() => tokenizer.encode('a', undefined, 2)).toThrow('length: expected more than 2 tokens, found 2');
  });

  it('names the file that is missing or broken', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bert-compress-tokenizer-'));
    try {
      await expect(loadTokenizer(folder)).rejects.toThrow(
        /tokenizer\.json: expected a readable file, found no such file$/,
      );
      await writeFile(join(folder, 'tokenizer.json'), '{"version":');
      await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json: expected JSON, found text that is not/);
      await writeFile(join(folder, 'tokenizer.json'), '[]');
      await expect(loadTokenizer(folder)).rejects.toThrow(
        /tokenizer\.json: expected a JSON object, found another value$/,
      );
      await writeFile(join(folder, 'tokenizer.json'), '{"version":"1.0"}');
      await expect(loadTokenizer(folder)).rejects.toMatchObject({
        name: 'DataError',
        message: expect.stringContaining('tokenizer.json: expected a tokenizer, found'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('createTokenizer', () => {
  const withProcessor = async (post_processor: JsonObject | null, config: JsonObject = {}) =>
    createTokenizer('x', { ...(await readJsonObject(join(tiny, 'tokenizer.json'))), post_processor }, config);

  it('keeps one segment for RoBERTa, whose models have no second one', async () => {
    const roberta = await withProcessor({ type: 'RobertaProcessing', cls: ['[CLS]', 2], sep: ['[SEP]', 3] });
    const { ids, segments } = roberta.encode('the', 'movie', 16);
    expect([...ids]).toEqual([2, 5, 3, 3, 9, 3]);
    expect([...segments]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('puts texts one after the other without a post-processor', async () => {
    const plain = await withProcessor(null);
    expect([...plain.encode('the', 'movie', 16).ids]).toEqual([5, 9]);
  });

  it('truncates from the left where the config says so', async () => {
    const left = await withProcessor(null, { truncation_side: 'left', padding_side: 'left', model_max_length: 1e30 });
    expect([...left.encode('the good movie', undefined, 2).ids]).toEqual([7, 9]);
    expect(left.padSide).toBe('left');
    expect(left.maxLength).toBeUndefined();
  });
});

describe('words that come again', () => {
  it('are the same tokens before and after they were forgotten', async () => {
    const tokenizer = await loadTokenizer(tiny);
    const ids = (): number[] => [...tokenizer.encode('the children danced 7x', undefined, 32).ids];
    const first = ids();
    expect(ids()).toEqual(first);
    for (let i = 0; i < 70_000; i++) tokenizer.encode(`w${i}`, undefined, 32);
    expect(ids()).toEqual(first);
  });
});

it('treats a lone surrogate as U+FFFD, which BERT drops', async () => {
  const tokenizer = await loadTokenizer(tiny);
  const ids = (text: string): number[] => [...tokenizer.encode(text, undefined, 32).ids];
  expect(ids('the mo\ud83dvie\udc00')).toEqual(ids('the mo\ufffdvie\ufffd'));
  expect(ids('the mo\ud83dvie')).toEqual(ids('the movie'));
});

it('asks for an unknown token only where a word needs it', async () => {
  const model = { type: 'WordPiece', vocab: { the: 0, movie: 1 }, unk_token: '[UNK]' };
  const json = {
    ...(await readJsonObject(join(tiny, 'tokenizer.json'))),
    post_processor: null,
    added_tokens: [],
    model,
  };
  const tokenizer = await createTokenizer('x', json, {});
  expect([...tokenizer.encode('the movie', undefined, 8).ids]).toEqual([0, 1]);
  expect(() => tokenizer.encode('the film', undefined, 8)).toThrow(
    "tokenizer: expected the unknown token '[UNK]' for 'film', found none in the vocabulary",
  );
});

describe('longestFirst', () => {
  it('fills the room exactly and never cuts the shorter text below half of it', () => {
    const length = fc.integer({ min: 0, max: 60 });
    fc.assert(
      fc.property(length, length, fc.integer({ min: 1, max: 60 }), (a, b, room) => {
        const [keepA, keepB] = longestFirst(a, b, room);
        expect(keepA + keepB).toBe(Math.min(room, a + b));
        expect(keepA <= a && keepB <= b).toBe(true);
        expect(Math.min(keepA, keepB)).toBeGreaterThanOrEqual(Math.min(a, b, Math.floor(room / 2)));
      }),
    );
  });
});
