// Masked replacement: likely words as Python finds them (make-augment-vectors.py), variants by seed, kept on disk, learned from.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../../src/data/tokenizer/tokenizer.ts';
import { wholeWords, wordsOf } from '../../../src/data/tokenizer/whole-words.ts';
import { distill, type DistillModelOptions } from '../../../src/distill.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { sweep } from '../../../src/ir/sweep.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import {
  variantsOf,
  type AugmentOptions,
  type Blank,
  type Filler,
  type Variant,
} from '../../../src/objectives/augment.ts';
import { readKnownModel } from '../../../src/pipeline/known-model.ts';
import { openFiller } from '../../../src/pipeline/distill/mask-filler.ts';
import { hashOf } from '../../../src/pipeline/distill/open-teacher.ts';
import { Scratch } from '../../../src/pipeline/learn/training.ts';
import { VariantFile, writeVariants } from '../../../src/pipeline/distill/variant-file.ts';
import { modelFolder, writeRows } from '../../support/model-folder.ts';
import { tempDir } from '../../support/temp.ts';

interface Case {
  readonly texts: [string, string?];
  readonly side: 0 | 1;
  readonly begin: number;
  readonly end: number;
  readonly words: string[];
}
const cases: Case[] = JSON.parse(readFileSync(new URL('augment-vectors.json', import.meta.url), 'utf8'));
const masked = fileURLToPath(new URL('../../support/tiny/masked.onnx', import.meta.url));

describe('openFiller', () => {
  it('finds the words that Python finds, in texts and pairs', async () => {
    const known = readKnownModel(masked);
    const outputs = known.recognition.head.outputs.map((one) => ({ ...one, kind: 'vocabulary-logits' as const }));
    const head = { ...known.recognition.head, outputs };
    const scratch = new Scratch();
    const model = { ...known, recognition: { ...known.recognition, head } };
    const filler = await openFiller(model, { most: 15, maxLength: 12 }, { threads: 1 }, scratch, hashOf);
    const blanks = cases.map(({ texts, side, begin, end }): Blank => ({ texts, side, place: { begin, end } }));
    expect(await filler.likely(blanks)).toEqual(cases.map(({ words }) => words));
    const far = `${'good '.repeat(20)}movie`;
    const cut = { texts: [far], side: 0, place: { begin: 100, end: 105 } } as const;
    const own = { texts: ['a [MASK] movie'], side: 0, place: { begin: 9, end: 14 } } as const;
    expect(await filler.likely([cut, own])).toEqual([[], []]);
    await filler.close();
    scratch.dispose();
  });

  it('refuses a model that fills none', async () => {
    const scratch = new Scratch();
    const classifier = readKnownModel(modelFolder());
    await expect(openFiller(classifier, { most: 15, maxLength: 12 }, {}, scratch, hashOf)).rejects.toThrow(
      'expected an output with a score for each word of the vocabulary, found logits',
    );
    const known = readKnownModel(words);
    const outputs = known.recognition.head.outputs.map((one) => ({ ...one, size: 100 }));
    const small = { ...known, recognition: { ...known.recognition, head: { ...known.recognition.head, outputs } } };
    await expect(openFiller(small, { most: 15, maxLength: 12 }, {}, scratch, hashOf)).rejects.toThrow(
      "expected a score for each of the tokenizer's 118 tokens, found 100",
    );
    scratch.dispose();
  });
});

describe('wholeWords', () => {
  it('places words in any script, a Chinese character for itself', () => {
    const text = "Don't stop: été 2024, 你好!";
    const found = wordsOf(text).map(({ begin, end }) => text.slice(begin, end));
    expect(found).toEqual(['Don', 't', 'stop', 'été', '2024', '你', '好']);
  });

  it.each([
    [{ the: 0, '##s': 1, ',': 2, '[unused1]': 3, été: 4, beyond: 5 }, ['the', 'été']],
    [{ Ġthe: 0, the: 1, 'Ġ,': 2, 'ĠÃ©tÃ©': 3, Ġthe2: 4, Ġbeyond: 5 }, ['the', 'été', 'the2']],
    [{ '▁the': 0, s: 1, '▁,': 2, '▁été': 3, '▁': 4, '▁beyond': 5 }, ['the', 'été']],
  ])('knows the words of a vocabulary %#', async (vocab, words) => {
    const none = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
    const json = { version: '1.0', added_tokens: [], ...none, model: { type: 'WordPiece', unk_token: Object.keys(vocab)[0], continuing_subword_prefix: '##', vocab } }; // prettier-ignore
    const tokenizer = await createTokenizer('tokenizer.json', json, {});
    expect(wholeWords(tokenizer, 5).words).toEqual(words);
  });
});

const filler: Filler = {
  likely: async (blanks) => blanks.map((_, i) => ['one', 'two', `w${i}`].slice(0, 1 + (i % 3))),
};
const texts = Array.from({ length: 300 }, (_, i) => ({ text: `a good movie, number ${i}!`, textPair: 'and so on' }));

async function listed(options: Partial<AugmentOptions>, of = texts): Promise<Variant[]> {
  const found = [];
  for await (const variant of variantsOf(of, filler, { variants: 2, share: 0.4, seed: 0, ...options }))
    found.push(variant);
  return found;
}

describe('variantsOf', () => {
  it('replaces about the share of the words asked for, and leaves the rest of the text as it is', async () => {
    const variants = await listed({});
    const changed = variants.flatMap(({ row, text }) => {
      const [before, after] = [texts[row]!, text].map((one) =>
        `${one.text} ${one.textPair}`.split(/[ ,!]+/).slice(0, 8),
      );
      return before!.map((word, i) => word !== after![i]);
    });
    expect(changed.filter(Boolean).length / changed.length).toBeCloseTo(0.4, 1);
    for (const { text } of variants)
      expect(`${text.text} ${text.textPair}`).toMatch(/^\w+ \w+ \w+, \w+ \w+! \w+ \w+ \w+$/);
  });

  it('gives the same for a seed, others for another, no text twice', async () => {
    const [once, again, other] = [await listed({}), await listed({}), await listed({ seed: 1 })];
    expect(again).toEqual(once);
    expect(other).not.toEqual(once);
    const all = await listed({ variants: 40, share: 1 }, [{ text: 'movie', textPair: 'on' }]);
    expect(new Set(all.map(({ text }) => JSON.stringify(text))).size).toBe(all.length);
    expect(all.length).toBeLessThan(3);
  });
});

describe('VariantFile', () => {
  it('gives back what was written, line ends and all', async () => {
    const path = join(tempDir(), 'variants.jsonl');
    const given: Variant[] = [
      { row: 3, text: { text: 'a\n"b" 你' } },
      { row: 4, text: { text: 'x'.repeat(2 ** 21), textPair: 'y' } },
      { row: 5, text: { text: '', textPair: '' } },
    ];
    const stream = async function* () { yield* given; }; // prettier-ignore
    expect(await writeVariants(path, stream())).toBe(3);
    const file = new VariantFile(path);
    expect([2, 0, 1].map((i) => file.at(i))).toEqual([given[2], given[0], given[1]]);
    expect(file.length).toBe(3);
    file.close();
  });
});

const shape = { layers: 2, heads: 2, hidden: 16, ffn: 24 };
const teacher = modelFolder(shape);
const rows = writeRows(teacher, 48);

/** The folder of a model that has a score for each word behind its last layer. */
function fillerFolder(): string {
  const folder = modelFolder({ ...shape, seed: 3 });
  const model = readModel(join(folder, 'onnx/model.onnx'));
  const { graph } = model;
  const size = graph.initializers.get('word_embeddings')!.shape[0]!;
  graph.nodes.push(
    makeNode('Transpose', ['word_embeddings'], ['decoder'], { attrs: { perm: [1n, 0n] } }),
    makeNode('MatMul', ['layer.1.hidden', 'decoder'], ['words.out']),
  );
  graph.outputs = [{ name: 'words.out', dtype: 'float32', shape: ['batch', 'sequence', size] }];
  sweep(graph);
  writeModel(model, join(folder, 'model.onnx'));
  rmSync(join(folder, 'onnx'), { recursive: true });
  return folder;
}
const words = fillerFolder();

function options(more: Partial<DistillModelOptions> = {}): DistillModelOptions {
  const fixed = { data: rows, batch: 16, bench: false, threads: 1, split: 0, cacheFolder: tempDir() };
  return { ...fixed, layers: 1, steps: 4, output: join(tempDir(), 'student'), augment: 2, augmentWith: words, ...more };
}

describe('distill with variants', () => {
  it('learns from them as well, the same ones from the cache and without', async () => {
    const cacheFolder = tempDir();
    const run = (more: Partial<DistillModelOptions> = {}) => distill(teacher, options({ cacheFolder, ...more }));
    const [first, second, without] = [await run(), await run(), await run({ cache: '0' })];
    expect(first.output.sha256).toBe(second.output.sha256);
    expect(first.output.sha256).toBe(without.output.sha256);
    const told = first.notes.find((note) => note.includes('variants of 48 texts'))!;
    expect(first.training!.rows.train).toBe(48 + Number(/^\d+/.exec(told)![0]));
    expect(Number(/^\d+/.exec(told)![0])).toBeGreaterThan(60);
    const kept = readdirSync(cacheFolder).filter((key) => existsSync(join(cacheFolder, key, 'variants.jsonl')));
    expect(kept).toHaveLength(1);
    const labelled = await run({ augmentLabels: true });
    expect(labelled.training!.curve[0]!.parts['hard']).not.toBe(first.training!.curve[0]!.parts['hard']);
    expect(labelled.training!.curve[0]!.parts['soft']).toBe(first.training!.curve[0]!.parts['soft']);
  });

  it('takes a teacher that fills masks itself', async () => {
    const plain = join(tempDir(), 'texts.txt');
    writeFileSync(plain, 'the movie was good\na bad dance\n'.repeat(8));
    const report = await distill(words, options({ data: plain, augmentWith: undefined, steps: 2 }));
    expect(report.notes.join('\n')).toMatch(/variants of 16 texts/);
  });

  it.each([
    ['a teacher that fills none', { augmentWith: undefined }, '--augment: expected a teacher that fills masks'],
    ['a share above 1', { augmentShare: 2 }, '--augment-share: expected a share above 0 and up to 1, found 2'],
    ['half a variant', { augment: 0.5 }, '--augment: expected a whole number from 0, found 0.5'],
    ['a model that fills none', { augmentWith: teacher }, 'expected an output with a score for each word'],
    ['a loss that takes all rows', { task: 'multi-label-classification' }, '--augment: expected a loss on labels that'],
  ] as const)('refuses %s', async (_, more, message) => {
    await expect(distill(teacher, options(more as Partial<DistillModelOptions>))).rejects.toThrow(message);
  });
});
