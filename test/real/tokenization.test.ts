// Token ids of ../shared/data against those of Python's tokenizers, whose digests make-tokenization-vectors.py wrote.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { beforeAll, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { describeWith, shared } from '../support/shared.ts';
import vectors from './tokenization-vectors.json' with { type: 'json' };

const most = 10_000;
const unlimited = 1_000_000;

function lines(path: string): string[] {
  return readFileSync(shared(`data/${path}`), 'utf8')
    .replaceAll('\r\n', '\n')
    .split('\n');
}

function column(path: string, index: number, skip: number): string[] {
  return lines(path)
    .slice(skip)
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[index]!);
}

/** Sentences of a CoNLL file as lists of words. */
function sentences(path: string): string[][] {
  const found: string[][] = [[]];
  for (const line of lines(path)) {
    if (line.trim() === '') found.push([]);
    else found.at(-1)!.push(line.split('\t')[0]!);
  }
  return found.filter((words) => words.length > 0);
}

function wnut(): string[][] {
  return ['wnut17train.conll', 'emerging.dev.conll', 'emerging.test.annotated'].flatMap((name) =>
    sentences(`wnut17/${name}`),
  );
}

const texts: Record<string, () => string[]> = {
  sst2: () => column('sst2/train.tsv', 0, 1),
  banking77: () =>
    parse(readFileSync(shared('data/banking77/train.csv')))
      .slice(1)
      .map(([text]) => text!),
  wnut17: () => wnut().map((words) => words.join(' ')),
  chnsenticorp: () => [...column('chnsenticorp/train.tsv', 0, 0), ...column('chnsenticorp/dev.tsv', 0, 0)],
};

/** As the script wrote them: the first eight digits of SHA-256 of each 100 rows. */
function digests(rows: readonly ArrayLike<number>[]): string[] {
  const written = rows.map((row) => `${Array.from(row).join(' ')}\n`);
  return Array.from({ length: Math.ceil(rows.length / 100) }, (_, at) =>
    createHash('sha256')
      .update(written.slice(100 * at, 100 * at + 100).join(''))
      .digest('hex')
      .slice(0, 8),
  );
}

function total(rows: readonly ArrayLike<number>[]): number {
  return rows.reduce((sum, { length }) => sum + length, 0);
}

for (const vocabulary of new Set(vectors.cases.map((one) => one.vocabulary))) {
  describeWith(`vocab/${vocabulary}`, `ids of Python’s tokenizers, ${vocabulary}`, () => {
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      tokenizer = await loadTokenizer(shared(`vocab/${vocabulary}`));
    });

    for (const { data, rows, lines: count, tokens, ids, offsets, starts } of vectors.cases.filter(
      (one) => one.vocabulary === vocabulary,
    )) {
      const all = rows < most ? ' (fewer than 10,000: all there are)' : '';
      if (starts !== undefined) {
        it(`${data}: ${count} lines, words of ${rows} sentences, and the first token of each`, () => {
          const found = wnut().map((words) => tokenizer.encodeWords(words, unlimited));
          expect(found).toHaveLength(rows);
          const own = found.map(({ encoding }) => encoding.ids.subarray(1, -1));
          expect(total(own)).toBe(tokens);
          expect(digests(own)).toEqual(ids);
          expect(digests(found.map((each) => each.starts.map((at) => (at < 0 ? at : at - 1))))).toEqual(starts);
        });
        continue;
      }
      it(`${data}: ${rows} texts${all} and where their tokens stand`, () => {
        const read = texts[data]!().slice(0, most);
        expect(read).toHaveLength(rows);
        const own = read.map((text) => tokenizer.encode(text, undefined, unlimited).ids.subarray(1, -1));
        expect(total(own)).toBe(tokens);
        expect(digests(own)).toEqual(ids);
        const windows = read.map((text) => tokenizer.encodeWindows('', text, unlimited, 0)[0]!);
        expect(digests(windows.map((window) => window.offsets.subarray(4, -2)))).toEqual(offsets);
      });
    }
  });
}
