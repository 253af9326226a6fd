// The proof of a smaller vocabulary fails where something is not the same.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTokenizer, type Tokenizer } from '../../../src/data/tokenizer/tokenizer.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import { countTokens, openCorpus, verifyCorpus } from '../../../src/pipeline/vocabulary/corpus.ts';
import { compareExactly } from '../../../src/pipeline/vocabulary/exact.ts';
import { tinyBert } from '../../support/bert.ts';
import { tempDir } from '../../support/temp.ts';

const quiet = (): void => {};

function tokenizerOf(...tokens: string[]): Promise<Tokenizer> {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const model = { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', vocab };
  const none = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
  return createTokenizer('json', { ...none, pre_tokenizer: { type: 'WhitespaceSplit' }, model }, {});
}

function corpusOf(text: string): string {
  const path = join(tempDir(), 'corpus.txt');
  writeFileSync(path, text);
  return path;
}

describe('verifyCorpus', () => {
  const same = ['[UNK]', 'a', '##b', 'c'];

  it('names the line of a text that has other tokens', async () => {
    const corpus = await openCorpus([corpusOf('c\nab c\n')], {});
    const pair = { before: await tokenizerOf(...same, 'ab'), after: await tokenizerOf(...same), unknown: 0 };
    const kept = new Map([0, 1, 2, 3, 4].map((id) => [id, id]));
    await expect(verifyCorpus(corpus, { ...pair, kept }, quiet, quiet)).rejects.toThrow(
      'corpus.txt line 2: expected the tokens ab c after pruning too, found a ##b c',
    );
  });

  it('counts texts that lost tokens, and those among them with unknown ones', async () => {
    const corpus = await openCorpus([corpusOf('c\nab\nde\nxx\n')], {});
    const pair = { before: await tokenizerOf(...same, 'ab', 'de'), after: await tokenizerOf(...same), unknown: 0 };
    const rows: string[] = [];
    const kept = new Map([0, 1, 2, 3].map((id) => [id, id]));
    const found = await verifyCorpus(corpus, { ...pair, kept }, ({ text }) => rows.push(text), quiet);
    expect(found).toEqual({ changed: 2, unknown: 1 });
    expect(rows).toEqual(['c', 'xx']);
  });

  it('refuses tokens without a row', async () => {
    const corpus = await openCorpus([corpusOf('a\nc\n')], {});
    await expect(countTokens(corpus, await tokenizerOf(...same), 3, quiet)).rejects.toThrow(
      "corpus.txt line 2: expected tokens below 3, the rows of the model's table, found 3",
    );
  });
});

describe('compareExactly', () => {
  it("tells a bit of the classifier's bias", async () => {
    const paths = [0, 1].map((i) => join(tempDir(), `${i}.onnx`));
    const [model, other] = [tinyBert(), tinyBert()];
    const bias = other.graph.initializers.get('classifier.bias')!;
    const bytes = bias.bytes().slice();
    bytes[1]! ^= 1;
    other.graph.initializers.set('classifier.bias', { ...bias, bytes: () => bytes });
    writeModel(model, paths[0]!);
    writeModel(other, paths[1]!);
    const tokenizer = await tokenizerOf('[UNK]', 'a', '##b', 'c');
    const sides = paths.map((onnxPath) => ({ onnxPath, tokenizer }));
    const rows = ['ab c a', 'c', 'a c ab'].map((text, i) => ({ line: i + 1, text }));
    const roles = { ids: 'input_ids', mask: 'attention_mask', segments: 'token_type_ids' };
    const options = { roles, maxLength: 16, progress: quiet, threads: 1 };
    const none = new Set<string>();
    expect(await compareExactly(rows, [sides[0]!, sides[0]!], Int32Array.of(), none, options)).toMatchObject({ texts: 3, equal: true }); // prettier-ignore
    const { equal, parity } = await compareExactly(rows, [sides[0]!, sides[1]!], Int32Array.of(), none, options);
    expect(equal).toBe(false);
    expect(parity?.cosine).toBeCloseTo(1, 6);
  });
});
