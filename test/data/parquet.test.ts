// Parquet files that pyarrow wrote (parquet/make.py), against what pyarrow reads in them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp.ts';
import { read, readAt } from './support.ts';

const at = (name: string): string => fileURLToPath(new URL(`parquet/${name}`, import.meta.url));
const expected = JSON.parse(readFileSync(at('expected.json'), 'utf8')) as Record<string, Record<string, unknown>[]>;
const column = (name: string, key: string): unknown[] => expected[name]!.map((row) => row[key]);

describe('Parquet', () => {
  it('reads row groups and names the rows that cannot be used', async () => {
    const data = await readAt(at('plain.parquet'));
    expect(data).toMatchObject({
      format: 'Parquet',
      unit: 'row',
      columns: { text: 'text', label: 'label' },
      total: 23,
    });
    expect(data.bad).toEqual([
      { line: 4, reason: 'no text' },
      { line: 12, reason: 'no label' },
    ]);
    const rows = expected['plain']!.map((row, i) => ({ line: i + 1, text: row['text'], label: String(row['label']) }));
    expect(data.rows).toEqual(rows.filter(({ line }) => line !== 4 && line !== 12));
  });

  it('reads a row group in windows that begin within its pages', async () => {
    const data = await readAt(at('many.parquet'));
    expect(data.size).toBe(9000);
    expect(data.rows.every((row, i) => row.line === i + 1 && row.text === String(i + 1))).toBe(true);
    expect(data.rows.every((row, i) => row.label === String(i % 2))).toBe(true);
  });

  it('takes class names from the metadata that Hugging Face writes', async () => {
    const data = await readAt(at('classes.parquet'));
    expect(data.classes).toEqual(['negative', 'positive']);
    expect(data.rows.map(({ text, label }) => [text, label])).toEqual([
      ['good', 'positive'],
      ['bad', 'negative'],
      ['fine', 'positive'],
    ]);
    expect(data.bad).toEqual([{ line: 3, reason: 'no label' }]);
  });

  it.each(['ner_tags', 'list_tags', 'old_tags'])('reads words and %s', async (tags) => {
    const data = await readAt(at('tags.parquet'), { tags });
    expect(data.columns).toEqual({ text: 'tokens', tags });
    const names = data.classes ?? [];
    expect(names).toEqual(['O', 'B-PER', 'I-PER', 'B-LOC']);
    expect(data.rows.map((row) => row.words)).toEqual(column('tags', 'tokens').slice(0, 2));
    expect(data.rows.map((row) => row.tags?.map((tag) => names.indexOf(tag)))).toEqual(
      column('tags', tags).slice(0, 2),
    );
    expect(data.bad).toEqual([
      { line: 3, reason: 'expected a tag a word, found 2 words and 1 tags' },
      { line: 4, reason: 'no text' },
    ]);
  });

  it('reads SQuAD as Hugging Face flattens it, and lists as labels', async () => {
    const data = await readAt(at('squad.parquet'));
    expect(data.columns).toEqual({ text: 'context', textPair: 'question', answers: 'answers' });
    expect(data.rows.map((row) => row.answers)).toEqual([['London', 'in London'], [], ['rained']]);
    expect(data.rows.map((row) => row.textPair)).toEqual(column('squad', 'question'));
    const labelled = await readAt(at('squad.parquet'), {
      text: 'context',
      label: 'labels',
      task: 'text-classification',
    });
    expect(labelled.rows.map((row) => [row.label, row.labels])).toEqual([
      ['joy|love', ['joy', 'love']],
      ['', []],
      ['fear', ['fear']],
    ]);
  });

  it('refuses what is damaged with one line', async () => {
    const bytes = readFileSync(at('plain.parquet'));
    const refused = (name: string, content: Uint8Array) => expect(read(name, content)).rejects;
    await refused('cut.parquet', bytes.subarray(0, 900)).toThrow(/cut\.parquet: expected a Parquet file, found .*\)$/);
    await refused('text.parquet', Buffer.from('text,label\n')).toThrow(/text\.parquet: expected a Parquet file, found/);
    await refused('x.parquet.gz', gzipSync(bytes)).toThrow(/expected a Parquet file as it is, found one named \.gz$/);
  });

  // each gives a field of a page header another number, so that the header lacks a length: hyparquet reads for ever
  const endless = [91, 210, 317, 319, 416];

  it.each(['plain', 'classes', 'tags', 'squad'])(
    'gives an error of ours, or rows, where a byte of %s is damaged',
    (name) => {
      const ends = readDamaged(name, name === 'squad' ? endless : []);
      for (const end of ends.values()) expect(end).toMatch(/^(\d+ rows$|DataError: )/);
      for (const i of name === 'squad' ? endless : []) {
        expect(ends.get(i)).toMatch(/expected a Parquet file, found one that cannot be read \(.* bytes of levels/);
      }
    },
    120_000,
  );

  // where the first run of levels begins; hyparquet writes such a run out until the process ends
  it.each([
    ['plain', 407, 'unpacked, page version 1'],
    ['classes', 95, 'in a literal of snappy'],
    ['squad', 347, 'page version 2'],
  ])('refuses a run of 2^31 levels in %s', async (name, begin) => {
    const bytes = readFileSync(at(`${name}.parquet`));
    bytes.set([0xfe, 0xff, 0xff, 0xff, 0x0f], begin);
    await expect(read('broken.parquet', bytes)).rejects.toThrow(/2147483647 values in a run, at most \d+ possible\)$/);
  });

  it('refuses levels that end before their values', async () => {
    const bytes = readFileSync(at('many.parquet'));
    bytes[482]! ^= 0xff; // in a page packed by brotli, which has no checksum
    await expect(read('broken.parquet', bytes)).rejects.toThrow(/\(\d+ levels of 1024 values\)$/);
  });
});

/** How reading a file ends by which byte is damaged: every eighth, and others. A process of its own, for a loop without end cannot be left. */
function readDamaged(name: string, others: readonly number[]): Map<number, string> {
  const path = at(`${name}.parquet`);
  const sample = Array.from({ length: Math.ceil(readFileSync(path).length / 8) }, (_, i) => 8 * i);
  const script = fileURLToPath(new URL('read-damaged.ts', import.meta.url));
  const args = ['--import', 'tsx', script, path, tempDir(), ...[...sample, ...others].map(String)];
  const lines = execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 110_000 }).trim().split('\n');
  return new Map(lines.map((line) => [Number.parseInt(line, 10), line.slice(line.indexOf(' ') + 1)]));
}
