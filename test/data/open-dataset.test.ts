import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp.ts';
import { failure, read, readAt } from './support.ts';

describe('TSV', () => {
  it('takes a quote for a character and keeps line numbers', async () => {
    const data = await read('glue.tsv', 'sentence\tlabel\n"a joy " to watch\t1\n\nbleak\t0\r\n');
    expect(data).toMatchObject({ format: 'TSV', columns: { text: 'sentence', label: 'label' }, bad: [] });
    expect(data.rows).toEqual([
      { line: 2, text: '"a joy " to watch', label: '1' },
      { line: 4, text: 'bleak', label: '0' },
    ]);
  });

  it('names every row that cannot be used', async () => {
    const data = await read('bad.tsv', 'sentence\tlabel\nfine\t1\nno label\t\nonly one field\n  \t0\na\tb\tc\n');
    expect(data.rows).toHaveLength(1);
    expect(data.bad).toEqual([
      { line: 3, reason: 'no label' },
      { line: 4, reason: 'expected 2 fields, found 1' },
      { line: 5, reason: 'no text' },
      { line: 6, reason: 'expected 2 fields, found 3' },
    ]);
  });

  it('tells text and label apart without a header', async () => {
    const lines = ['nice room', 'dirty room', 'we loved the view', 'never again'].map(
      (t, i) => `${i % 2 ? 'neg' : 'pos'}\t${t}`,
    );
    const data = await read('plain.tsv', lines.join('\n'));
    expect(data.columns).toEqual({ text: '2', label: '1' });
    expect(data.rows).toHaveLength(4);
  });
});

describe('CSV', () => {
  it('reads quotes, line breaks inside them and a byte order mark', async () => {
    const data = await read('q.csv', '\ufefftext,category\n"a, b ""c""\nd",x\n\nplain "quoted" word,y\n');
    expect(data.format).toBe('CSV');
    expect(data.rows).toEqual([
      { line: 2, text: 'a, b "c"\nd', label: 'x' },
      { line: 5, text: 'plain "quoted" word', label: 'y' },
    ]);
  });

  it('says where a quote is never closed', async () => {
    const data = await read('open.csv', 'text,label\nfine,1\n"open,0\nmore,1\n');
    expect(data.rows).toHaveLength(1);
    expect(data.bad).toEqual([{ line: 3, reason: expect.stringContaining('never closed') }]);
  });

  it('finds other separators', async () => {
    expect(await read('semi.csv', 'text;label\na;1\n')).toMatchObject({
      format: 'CSV with ;',
      rows: [{ text: 'a', label: '1' }],
    });
    expect(await read('tab.csv', 'text\tlabel\n"a\t1\n')).toMatchObject({
      format: 'TSV',
      rows: [{ text: '"a', label: '1' }],
    });
  });

  it('recognises the STS benchmark under the name of CSV', async () => {
    const row = (score: string, a: string, more = '') =>
      `captions\tMSRvid\t2012test\t0001\t${score}\t${a}\tB "b.${more}\n`;
    const data = await read('sts-dev.csv', row('5.000', 'A "dog.') + row('0.2', 'A, cat.', '\tlicence\tmore'));
    expect(data.format).toBe('STS benchmark (tab-separated, no header)');
    expect(data.columns).toEqual({ text: '6', textPair: '7', label: '5' });
    expect(data.rows).toEqual([
      { line: 1, text: 'A "dog.', textPair: 'B "b.', label: '5.000' },
      { line: 2, text: 'A, cat.', textPair: 'B "b.', label: '0.2' },
    ]);
  });
});

describe('JSON Lines', () => {
  it('reads keys as columns and names lines that are no object', async () => {
    const lines = [
      '{"text":"a","label":1}',
      'nonsense',
      '[1]',
      '{"label":0}',
      '{"label":true,"text":"b","more":{}}',
      '',
    ];
    const data = await read('x.jsonl', lines.join('\n'));
    expect(data.columns).toEqual({ text: 'text', label: 'label' });
    expect(data.rows).toEqual([
      { line: 1, text: 'a', label: '1' },
      { line: 5, text: 'b', label: 'true' },
    ]);
    expect(data.bad.map((bad) => [bad.line, bad.reason])).toEqual([
      [2, 'expected a JSON object, found text that is no JSON'],
      [3, 'expected a JSON object, found another value'],
      [4, 'no text'],
    ]);
  });
});

describe('columns', () => {
  const pairs = 'premise,hypothesis,score,label\na,b,0.5,yes\n';

  it('finds pairs, and a score or a class by the task', async () => {
    expect((await read('p.csv', pairs)).columns).toEqual({ text: 'premise', textPair: 'hypothesis', label: 'label' });
    expect((await read('p.csv', pairs, { task: 'sentence-similarity' })).columns.label).toBe('score');
  });

  it('takes names and positions', async () => {
    const wanted = { text: 'hypothesis', label: '3' };
    expect((await read('p.csv', pairs, wanted)).columns).toEqual({ text: 'hypothesis', label: 'score' });
    const odd = await read('odd.csv', 'foo,bar\nhello,1\n', { text: 'foo', label: 'bar' });
    expect(odd.rows).toEqual([{ line: 2, text: 'hello', label: '1' }]);
  });

  it('lists what there is where a column is missing', async () => {
    await expect(read('p.csv', pairs, { text: 'body' })).rejects.toThrow(
      /p\.csv: expected a text column 'body', found columns premise, hypothesis, score, label$/,
    );
    await expect(read('n.jsonl', '{"a":1,"b":2}')).rejects.toThrow(/expected a text column .*, found columns a, b$/);
  });
});

describe('files that are no data', () => {
  it.each([
    ['empty.tsv', '', /empty\.tsv: expected text, found an empty file$/],
    ['header.tsv', 'sentence\tlabel\n', /header\.tsv: expected rows, found none/],
    ['blank.tsv', '\n\n', /blank\.tsv: expected rows, found none/],
    ['all-bad.tsv', 'sentence\tlabel\nx\t\n', /none that can be used \(line 2: no label\)$/],
    ['binary.tsv', Uint8Array.of(1, 2, 0, 3), /binary\.tsv: expected UTF-8 text, found a binary file$/],
    [
      'latin.csv',
      Uint8Array.of(97, 10, 98, 0xe9, 10),
      /latin\.csv line 2: expected UTF-8 text, found bytes that are not UTF-8$/,
    ],
    ['wide.csv', Uint8Array.of(0xff, 0xfe, 97, 0), /wide\.csv: expected UTF-8 text, found UTF-16$/],
    ['data.xlsx', 'x', /data\.xlsx: expected a data file \(.*\.tsv.*\.jsonl.*\), found another extension$/],
  ])('%s', async (name, content, message) => {
    expect(await failure(read(name, content))).toMatchObject({
      name: 'DataError',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });

  it('a missing file, a folder, a device', async () => {
    const folder = tempDir();
    mkdirSync(join(folder, 'folder.tsv'));
    const found = (path: string) => expect(readAt(path)).rejects;
    await found(join(folder, 'none.tsv')).toThrow(/none\.tsv: expected a readable file, found no such file$/);
    await found(join(folder, 'folder.tsv')).toThrow(/folder\.tsv: expected a readable file, found a folder$/);
    await found('/dev/null').toThrow(/expected a file that can be read twice, found a pipe or device$/);
  });
});
