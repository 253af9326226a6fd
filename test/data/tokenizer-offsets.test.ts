import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTokenizer, type Tokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { isJsonObject, readJsonObject } from '../../src/data/json-file.ts';

type Case = [name: string, text: number, ids: number[], offsets: number[]];
type Words = [name: string, first: number, most: number, side: string, ids: number[], starts: number[]];
type Windows = [
  name: string,
  question: string,
  context: string,
  most: number,
  stride: number,
  side: string,
  found: [ids: number[], offsets: number[]][],
];

interface Vectors {
  readonly changes: Record<string, [file: string, change: Record<string, unknown>]>;
  readonly texts: string[];
  readonly cases: Case[];
  readonly words: Words[];
  readonly windows: Windows[];
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The tokenizer that the vectors call `name`. */
async function tokenizerOf(vectors: Vectors, name: string, side: string): Promise<Tokenizer> {
  const [file, { more = [], ...change }] = vectors.changes[name]!;
  const json = await readJsonObject(here(file));
  const added = [...(json['added_tokens'] as unknown[]), ...(more as unknown[])];
  return createTokenizer(name, { ...json, ...change, added_tokens: added }, { truncation_side: side });
}

describe('tokens, words and windows as Python’s tokenizers give them', () => {
  const vectors = JSON.parse(gunzipSync(readFileSync(here('tokenizer-offsets.json.gz'))).toString('utf8')) as Vectors;
  const tokenizers = new Map<string, Tokenizer>();
  const get = (name: string, side = 'right'): Tokenizer => tokenizers.get(`${name} ${side}`)!;
  beforeAll(async () => {
    for (const name of Object.keys(vectors.changes)) {
      for (const side of ['right', 'left']) tokenizers.set(`${name} ${side}`, await tokenizerOf(vectors, name, side));
    }
  });

  for (const name of Object.keys(vectors.changes)) {
    it(`${name}: the same ids at the same places`, () => {
      const cases = vectors.cases.filter((one) => one[0] === name);
      expect(cases.length).toBeGreaterThan(35);
      for (const [, at, ids, offsets] of cases) {
        const text = vectors.texts[at]!;
        const [window] = get(name).encodeWindows('', text, 1_000, 0);
        const places = [...window!.offsets];
        const own = [...window!.encoding.ids].filter((_, i) => places[2 * i]! >= 0);
        expect({ text, ids: own, offsets: places.filter((place) => place >= 0) }).toEqual({ text, ids, offsets });
      }
    });
  }

  it('words one by one, with their first tokens, cut on either side', () => {
    for (const [name, first, most, side, ids, starts] of vectors.words) {
      const row = [...vectors.texts.slice(first * 4, first * 4 + 4), 'the', "children's"];
      const found = get(name, side).encodeWords(row, most);
      expect({ row, most, ids: [...found.encoding.ids], starts: [...found.starts] }).toEqual({
        row,
        most,
        ids,
        starts,
      });
    }
  });

  it('windows over a context that share a stride, from either side', () => {
    expect(vectors.windows.filter((one) => one[6].length > 2).length).toBeGreaterThan(30);
    for (const [name, question, context, most, stride, side, found] of vectors.windows) {
      const own = get(name, side).encodeWindows(question, context, most, stride);
      const flat = own.map(({ encoding, offsets }) => [[...encoding.ids], [...offsets]]);
      expect({ name, question, context, side, windows: flat }).toEqual({
        name,
        question,
        context,
        side,
        windows: found,
      });
    }
  });

  it('refuses a window that leaves no room for more than the stride', () => {
    const tokenizer = get('tiny');
    expect(() => tokenizer.encodeWindows('the movie', 'a good movie it is', 9, 4)).toThrow(
      'length: expected more than 9 tokens for a question of 2 tokens and a stride of 4, found 9',
    );
    expect(tokenizer.encodeWindows('the movie', 'a', 9, 8)).toHaveLength(1);
  });

  it('knows its special tokens and its mask', () => {
    expect(get('tiny').maskId).toBe(4);
    expect([...get('tiny').specialIds].toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(get('tiny').tokenOf(4)).toBe('[MASK]');
    expect(get('byte-level').maskId).toBe(4);
    expect(get('byte-level').tokenOf(1_000_000)).toBeUndefined();
  });
});

describe('fingerprint', () => {
  const tiny = here('../support/tiny/tokenizer.json');

  it('is the same for the same tokenizer written in another way', async () => {
    const json = await readJsonObject(tiny);
    const reversed = Object.fromEntries(Object.entries(json).toReversed());
    const one = await createTokenizer('a', json, {});
    const other = await createTokenizer('b', { ...reversed, truncation: null, padding: null, decoder: null }, {});
    expect(one.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(other.fingerprint).toBe(one.fingerprint);
    const bytes = await readJsonObject(here('tokenizer-byte-level.json'));
    const model = isJsonObject(bytes['model']) ? bytes['model'] : {};
    const merges = (model['merges'] as string[][]).map((merge) => merge.join(' '));
    const old = await createTokenizer('c', { ...bytes, model: { ...model, merges } }, {});
    expect(old.fingerprint).toBe((await createTokenizer('d', bytes, {})).fingerprint);
  });

  it('differs where ids can differ', async () => {
    const json = await readJsonObject(tiny);
    const model = isJsonObject(json['model']) ? json['model'] : {};
    const variants = [
      await createTokenizer('a', json, {}),
      await createTokenizer('b', json, { truncation_side: 'left' }),
      await createTokenizer('c', { ...json, normalizer: { type: 'BertNormalizer', lowercase: false } }, {}),
      await createTokenizer('d', { ...json, post_processor: null }, {}),
      await createTokenizer('e', { ...json, model: { ...model, max_input_chars_per_word: 99 } }, {}),
    ];
    expect(new Set(variants.map((one) => one.fingerprint)).size).toBe(variants.length);
  });
});
