// Tokenizers with fewer tokens: @huggingface/tokenizers splits the corpus as before, for random vocabularies of every kind.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/data/json-file.ts';
import { allTokens, namedTokens, shrinkerOf, shrinkTokenizer } from '../../src/data/tokenizer/shrink.ts';
import { createTokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { selectTokens } from '../../src/pipeline/vocabulary/select.ts';

const bare = { version: '1.0', truncation: null, padding: null, normalizer: null, post_processor: null, decoder: null };
const added = (...names: string[]) => names.map((content, id) => ({ id, content, special: true, normalized: false, single_word: false, lstrip: false, rstrip: false })); // prettier-ignore

/** The tokenizer with what a corpus needs. */
async function shrunk(json: JsonObject, corpus: readonly string[], least = 1): Promise<JsonObject> {
  const shrinker = shrinkerOf(json);
  const tokens = allTokens(json, shrinker);
  const tried = new Set<number>();
  const tokenizer = await createTokenizer('json', json, {}, (ids) => ids.forEach((id) => tried.add(id)));
  const seen = new Float64Array(Math.max(...tokens.keys()) + 1);
  for (const text of corpus) for (const id of tokenizer.encode(text, undefined, 1e9).ids) seen[id]!++;
  const named = namedTokens(json, shrinker);
  const { numbers } = selectTokens(shrinker, tokens, { seen, least, named, asked: [], tried, characters: 'all' });
  return shrinkTokenizer(json, shrinker, numbers);
}

function split(json: JsonObject, texts: readonly string[]): string[][] {
  const tokenizer = new Tokenizer(json, {});
  return texts.map((text) => tokenizer.encode(text).tokens);
}

function size(json: JsonObject): number {
  return shrinkerOf(json).tokens.size;
}

/** Pairs merged one after the other, the most frequent first, as BPE is trained (Sennrich et al. 2016). */
function trainedBpe(words: readonly string[], most: number, suffix: string): JsonObject {
  const symbols = words.map((word) => [...word].map((char, i, all) => (i === all.length - 1 ? char + suffix : char)));
  const vocab = new Map(['<unk>', ...new Set([...'abcd'].flatMap((char) => [char, char + suffix]))].map((token, id) => [token, id])); // prettier-ignore
  const merges: [string, string][] = [];
  while (merges.length < most) {
    const counts = new Map<string, number>();
    for (const word of symbols)
      for (let i = 0; i + 1 < word.length; i++)
        counts.set(`${word[i]} ${word[i + 1]}`, (counts.get(`${word[i]} ${word[i + 1]}`) ?? 0) + 1);
    const [best] = [...counts].sort((a, b) => b[1] - a[1]);
    if (!best) break;
    const [left = '', right = ''] = best[0].split(' ');
    merges.push([left, right]);
    if (!vocab.has(left + right)) vocab.set(left + right, vocab.size);
    for (const word of symbols)
      for (let i = 0; i + 1 < word.length; i++)
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
  }
  const model = { type: 'BPE', unk_token: '<unk>', end_of_word_suffix: suffix || null, vocab: Object.fromEntries(vocab), merges }; // prettier-ignore
  return { ...bare, added_tokens: added('<unk>'), pre_tokenizer: { type: 'WhitespaceSplit' }, model };
}

const word = fc.string({ unit: fc.constantFrom(...'abcd'), minLength: 1, maxLength: 9 });
const texts = fc.array(fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' ')), { minLength: 1, maxLength: 12 }); // prettier-ignore

describe('WordPiece', () => {
  const ofWords = (tokens: readonly string[]): JsonObject => ({
    ...bare,
    added_tokens: added('[UNK]'),
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      // no ##d: some words are unknown
      vocab: Object.fromEntries([...new Set(['[UNK]', 'a', 'b', 'c', 'd', '##a', '##b', '##c', ...tokens])].map((token, id) => [token, id])), // prettier-ignore
    },
  });

  it('splits the corpus as before, unknown words too', async () => {
    const pieces = fc.array(fc.tuple(fc.boolean(), word).map(([inside, text]) => (inside ? `##${text}` : text)), { maxLength: 60 }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(pieces, texts, async (tokens, corpus) => {
        const json = ofWords(tokens);
        expect(split(await shrunk(json, corpus), corpus)).toEqual(split(json, corpus));
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it('keeps what was found in a word before it became unknown', async () => {
    // without 'ab' the word would be a + ##bd
    const json = ofWords(['ab', '##bd', 'cc']);
    const after = await shrunk(json, ['abd']);
    expect(shrinkerOf(after).tokens.has('ab')).toBe(true);
    expect(shrinkerOf(after).tokens.has('cc')).toBe(false);
    expect(split(after, ['abd', 'cc'])).toEqual([['[UNK]'], ['c', '##c']]);
  });

  it('removes rare tokens where a least count says so', async () => {
    const after = await shrunk(ofWords(['ab', 'abc']), ['ab ab abc'], 2);
    expect(split(after, ['ab abc'])).toEqual([['ab', 'ab', '##c']]);
  });
});

describe('BPE', () => {
  it.each(['', '</w>'])("merges the corpus as before, the end of a word marked by '%s'", async (suffix) => {
    await fc.assert(
      fc.asyncProperty(texts, texts, async (training, corpus) => {
        const json = trainedBpe(training.join(' ').split(' '), 40, suffix);
        const after = await shrunk(json, corpus);
        expect(split(after, corpus)).toEqual(split(json, corpus));
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('keeps the tokens on the way and the merges between kept ones', async () => {
    const json = trainedBpe(['abcd', 'abcd', 'abcd', 'ba', 'ba'], 10, '');
    expect(json['model']).toMatchObject({ merges: [['a', 'b'], ['ab', 'c'], ['abc', 'd'], ['b', 'a']] }); // prettier-ignore
    const after = await shrunk(json, ['abcd']);
    expect(after['model']).toMatchObject({
      vocab: { '<unk>': 0, a: 1, b: 2, c: 3, d: 4, ab: 5, abc: 6, abcd: 7 },
      merges: [['a', 'b'], ['ab', 'c'], ['abc', 'd']],
    }); // prettier-ignore
    expect(size(json)).toBe(9);
  });

  it('reads merges that are texts, and keeps bytes that stand for characters without a token', async () => {
    const json = {
      ...bare,
      added_tokens: added('<unk>'),
      pre_tokenizer: { type: 'WhitespaceSplit' },
      model: {
        type: 'BPE',
        unk_token: '<unk>',
        byte_fallback: true,
        vocab: { '<unk>': 0, '<0xC3>': 1, '<0xA9>': 2, a: 3, b: 4, ab: 5, ba: 6 },
        merges: ['a b', 'b a'],
      },
    };
    const { model } = await shrunk(json, ['ba é']);
    expect(model).toMatchObject({
      vocab: { '<unk>': 0, '<0xC3>': 1, '<0xA9>': 2, a: 3, b: 4, ba: 5 },
      merges: ['b a'],
    });
  });

  it('works on bytes', async () => {
    const json = fixture('byte-level');
    const corpus = ['The weather is nice.', 'naïve café — 東京'];
    const after = await shrunk(json, corpus);
    expect(size(after)).toBeLessThan(size(json));
    expect(split(after, corpus)).toEqual(split(json, corpus));
    // every byte is there: no text is unknown
    expect(split(after, ['Ωмир🙂']).flat()).not.toContain('<unk>');
  });
});

describe('Unigram', () => {
  const ofPieces = (pieces: readonly (readonly [string, number])[]): JsonObject => ({
    ...bare,
    added_tokens: added('<pad>', '<unk>'),
    pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true },
    model: { type: 'Unigram', unk_id: 1, byte_fallback: false, vocab: [['<pad>', 0], ['<unk>', 0], ...pieces] }, // prettier-ignore
  });

  it('segments the corpus as before, unknown characters too', async () => {
    const piece = fc.tuple(fc.tuple(fc.boolean(), word).map(([begin, text]) => (begin ? `\u2581${text}` : text)), fc.double({ min: -12, max: -1, noNaN: true })); // prettier-ignore
    // no d alone: it is unknown unless a longer piece has it
    const pieces = fc.uniqueArray(piece, { selector: ([text]) => text, maxLength: 60 }).map((list) => list.filter(([text]) => text !== 'd')); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(pieces, texts, async (list, corpus) => {
        const own = new Set(list.map(([text]) => text));
        const letters = ['\u2581', 'a', 'b', 'c'].filter((letter) => !own.has(letter)).map((letter) => [letter, -5] as const); // prettier-ignore
        const json = ofPieces([...letters, ...list]);
        expect(split(await shrunk(json, corpus), corpus)).toEqual(split(json, corpus));
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it('keeps the least likely piece, which unknown characters are weighed by', async () => {
    const json = ofPieces([['\u2581', -2], ['a', -2], ['zz', -13], ['yy', -3]]); // prettier-ignore
    const { model } = await shrunk(json, ['a']);
    expect(model).toMatchObject({ unk_id: 1, vocab: [['<pad>', 0], ['<unk>', 0], ['\u2581', -2], ['a', -2], ['zz', -13]] }); // prettier-ignore
  });

  it('works on a trained one', async () => {
    const json = fixture('unigram');
    const corpus = ['The weather is nice today.', 'naïve café 東京'];
    const after = await shrunk(json, corpus);
    expect(size(after)).toBeLessThan(size(json));
    expect(split(after, corpus)).toEqual(split(json, corpus));
  });
});

describe('shrinkTokenizer', () => {
  const vocab = Object.fromEntries(
    ['x', 'yy', '[UNK]', '[CLS]', '[SEP]', '[PAD]', 'zz'].map((token, id) => [token, id]),
  );
  const json = {
    ...bare,
    added_tokens: [{ ...added('[UNK]')[0], id: 2 }, { ...added('[PAD]')[0], id: 5, content: '[PAD]' }],
    padding: { strategy: 'BatchLongest', pad_id: 5, pad_token: '[PAD]' },
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: {
      type: 'Sequence',
      processors: [
        { type: 'BertProcessing', sep: ['[SEP]', 4], cls: ['[CLS]', 3] },
        { type: 'TemplateProcessing', single: [], pair: [], special_tokens: { '[CLS]': { id: '[CLS]', ids: [3], tokens: ['[CLS]'] } } },
      ],
    },
    model: { type: 'WordPiece', unk_token: '[UNK]', vocab },
  }; // prettier-ignore

  it('renumbers added tokens, post-processors and padding', async () => {
    const shrinker = shrinkerOf(json);
    expect([...namedTokens(json, shrinker)].sort()).toEqual([2, 3, 4, 5]);
    const after = shrinkTokenizer(json, shrinker, new Map([0, 2, 3, 4, 5].map((id, to) => [id, to])));
    expect(after).toMatchObject({
      added_tokens: [{ content: '[UNK]', id: 1 }, { content: '[PAD]', id: 4 }],
      padding: { pad_id: 4 },
      post_processor: { processors: [{ sep: ['[SEP]', 3], cls: ['[CLS]', 2] }, { special_tokens: { '[CLS]': { ids: [2] } } }] },
      model: { vocab: { x: 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, '[PAD]': 4 } },
    }); // prettier-ignore
  });

  it('refuses other kinds', () => {
    expect(() => shrinkerOf({ model: { type: 'WordLevel', vocab: {} } })).toThrow(
      'tokenizer.json: expected a model of WordPiece, BPE or Unigram, found WordLevel',
    );
    expect(() => shrinkerOf({ model: { type: 'BPE', vocab: {}, merges: ['a'] } })).toThrow('merges of two tokens');
    expect(() => shrinkerOf({ model: { type: 'Unigram', vocab: ['a'] } })).toThrow('pieces with a score each');
  });
});

function fixture(name: string): JsonObject {
  return JSON.parse(
    readFileSync(fileURLToPath(new URL(`tokenizer-${name}.json`, import.meta.url)), 'utf8'),
  ) as JsonObject;
}
