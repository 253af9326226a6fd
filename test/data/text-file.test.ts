// Text as a stream: gzip, encodings, and that nothing follows from where one read ends and the next begins.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookAt } from '../../src/data/data-file.ts';
import { headOf, readTextFile, textOf } from '../../src/data/text-file.ts';
import { writeTemp } from '../support/temp.ts';
import { failure, read } from './support.ts';

async function text(bytes: Uint8Array | string, name = 'x.tsv', chunkBytes?: number): Promise<string> {
  let all = '';
  for await (const piece of textOf(await lookAt(writeTemp(bytes, name), chunkBytes))) all += piece;
  return all;
}

describe('text', () => {
  it('comes back whatever the size of reads, packed or not', async () => {
    const some = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((one) => !one.includes('\0'));
    await fc.assert(
      fc.asyncProperty(some, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (content, chunkBytes, packed) => {
        const bytes = Buffer.from(`\ufeff${content}`);
        const found = packed
          ? await text(gzipSync(bytes), 'x.tsv.gz', chunkBytes)
          : await text(bytes, 'x.tsv', chunkBytes);
        expect(found).toBe(content);
      }),
      { numRuns: 100 },
    );
  });

  it('is refused by line where bytes are no UTF-8, whatever the size of reads', async () => {
    const faults = [
      [0xff],
      [0xc3],
      [0xc3, 0x28],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98],
      [0xc0, 0xaf],
      [0xa4],
    ];
    for (const fault of faults) {
      for (const chunkBytes of [1, 2, 3, 5, 100]) {
        const bytes = Buffer.concat([Buffer.from('ä\n€\n😀'), Buffer.from(fault), Buffer.from('\nx\n')]);
        const message = 'x.tsv line 3: expected UTF-8 text, found bytes that are not UTF-8';
        expect(await failure(text(bytes, 'x.tsv', chunkBytes))).toMatchObject({
          message: expect.stringContaining(message),
        });
        expect(await failure(text(bytes.subarray(0, -3), 'x.tsv', chunkBytes))).toMatchObject({
          message: expect.stringContaining(message),
        });
      }
    }
  });

  it.each([
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 97, 0), 'found UTF-16'],
    ['UTF-16, big end first', Uint8Array.of(0xfe, 0xff, 0, 97), 'found UTF-16'],
    ['zeros', Uint8Array.of(97, 98, 99, 100, 101, 0), 'found a binary file'],
    ['nothing', new Uint8Array(), 'expected text, found an empty file'],
    ['gzip', gzipSync('text'), "found gzip data (such a file's name ends in .gz)"],
  ])('is refused where it is %s', async (_, bytes, message) => {
    for (const chunkBytes of [1, 3, 65_536]) {
      expect(await failure(text(bytes, 'x.tsv', chunkBytes))).toMatchObject({
        message: expect.stringContaining(message),
      });
    }
  });

  it('is read whole without its mark, and its beginning is as long however it is read', async () => {
    const content = 'ä€😀'.repeat(20_000);
    const path = writeTemp(`\ufeff${content}`, 'x.json');
    expect(await readTextFile(path)).toBe(content);
    for (const chunkBytes of [1000, 65_536])
      expect(await headOf(await lookAt(path, chunkBytes))).toBe(content.slice(0, 65_536));
  });
});

describe('gzip', () => {
  const content = 'sentence\tlabel\na joy\t1\nbleak\t0\n';

  it('takes the format from the name within, and packs that follow each other', async () => {
    const data = await read('dev.tsv.gz', Buffer.concat([gzipSync(content.slice(0, 20)), gzipSync(content.slice(20))]));
    expect(data).toMatchObject({ format: 'TSV', size: 2, rows: [{ line: 2, text: 'a joy', label: '1' }, { line: 3 }] });
    expect((await read('x.jsonl.GZ', gzipSync('{"text":"a"}'))).format).toBe('JSON Lines');
    expect((await read('x.conll.gz', gzipSync('a\tO\n'))).rows[0]?.tags).toEqual(['O']);
    expect((await read('x.json.gz', gzipSync('[{"text":"a"}]'))).rows).toEqual([{ line: 1, text: 'a' }]);
    expect((await read('x.csv.gz', gzipSync('text,label\n"a\n",1\n'))).rows).toEqual([
      { line: 2, text: 'a\n', label: '1' },
    ]);
  });

  it('is refused with one line where it is damaged, cut short or none', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => `row ${i * 7919}\t${i % 2}\n`).join('');
    const packed = gzipSync(`text\tlabel\n${rows}`);
    const damaged = Buffer.from(packed);
    damaged.fill(0x55, 20_000, 20_100);
    const refused = (bytes: Uint8Array) => expect(read('x.tsv.gz', bytes)).rejects;
    await refused(damaged).toThrow(/x\.tsv\.gz: expected gzip data, found data that is damaged or no gzip$/);
    await refused(packed.subarray(0, 20_000)).toThrow(/x\.tsv\.gz: expected gzip data, found it cut short$/);
    await refused(Buffer.from(content)).toThrow(
      /x\.tsv\.gz: expected gzip data, found data that is damaged or no gzip$/,
    );
    await refused(gzipSync('')).toThrow(/x\.tsv\.gz: expected text, found an empty file$/);
    await refused(gzipSync(Buffer.from('a\n\xff\n', 'latin1'))).toThrow(/x\.tsv\.gz line 2: expected UTF-8 text/);
  });
});
