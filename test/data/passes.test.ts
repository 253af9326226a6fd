// A data set is read in passes: samples, a file that changes between them, the count of bad rows, and readers that stop early.
import { appendFileSync, existsSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.ts';
import { sampler } from '../../src/data/sample.ts';
import { writeTemp } from '../support/temp.ts';
import { failure, read, rowsOf } from './support.ts';

const rows = (count: number): string =>
  Array.from({ length: count }, (_, i) => `row ${i}\t${i % 2 ? 'yes' : 'no'}\n`).join('');
const content = (count: number): string => `text\tlabel\n${rows(count)}`;

describe('samples', () => {
  it('are as many as asked for, in the order of the file, the same for the same seed', async () => {
    const first = await read('x.tsv', content(500), {}, { samples: 40, seed: 7 });
    expect(first).toMatchObject({ size: 40, total: 500 });
    expect(first.rows).toHaveLength(40);
    const lines = first.rows.map((row) => row.line);
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
    expect(new Set(lines).size).toBe(40);
    const again = await read('x.tsv', content(500), {}, { samples: 40, seed: 7, chunkBytes: 11 });
    expect(again.rows).toEqual(first.rows);
    const other = await read('x.tsv', content(500), {}, { samples: 40, seed: 8 });
    expect(other.rows).not.toEqual(first.rows);
  });

  it('are taken from the rows that can be used', async () => {
    const data = await read('x.tsv', `${content(30)}${'bad\n'.repeat(200)}`, {}, { samples: 30 });
    expect(data).toMatchObject({ size: 30, total: 30, badRows: 200 });
    expect(data.rows).toHaveLength(30);
    expect(await read('x.tsv', content(3), {}, { samples: 10 })).toMatchObject({ size: 3, total: 3 });
  });

  it('take every row, and every two rows together, equally often', () => {
    const [size, total, runs] = [3, 8, 20_000];
    const single = new Float64Array(total);
    const joint = new Float64Array(total * total);
    for (let seed = 0; seed < runs; seed++) {
      const takes = sampler(size, total, seed);
      const taken = Array.from({ length: total }, takes);
      if (taken.filter(Boolean).length !== size) expect.fail(`seed ${seed}: expected ${size} rows, found others`);
      taken.forEach((a, i) => {
        single[i]! += Number(a);
        taken.forEach((b, j) => (joint[i * total + j]! += Number(a && b && i < j)));
      });
    }
    // binomial: five standard deviations
    const near = (count: number, p: number) =>
      expect(Math.abs(count - runs * p)).toBeLessThan(5 * Math.sqrt(runs * p * (1 - p)));
    single.forEach((count) => near(count, size / total));
    joint.forEach((count, at) => {
      if (at % total > Math.floor(at / total)) near(count, (size * (size - 1)) / (total * (total - 1)));
    });
  });

  it.each([0, -1, 1.5, Number.NaN])('cannot be %s', async (samples) => {
    expect(await failure(read('x.tsv', content(3), {}, { samples }))).toMatchObject({
      name: 'UsageError',
      message: `samples: expected a whole number from 1, found ${samples}`,
    });
  });
});

describe('a file that changes', () => {
  const message = /x\.tsv: expected the file as it was when it was first read, found it changed$/;

  it('is noticed before a pass and at its end', async () => {
    const path = writeTemp(content(5), 'x.tsv');
    const dataset = await openDataset(path);
    expect(await rowsOf(dataset)).toHaveLength(5);
    expect(await rowsOf(dataset)).toHaveLength(5);
    const reading = async () => {
      for await (const row of dataset.rows()) if (row.line === 2) appendFileSync(path, 'more\tyes\n');
    };
    await expect(reading()).rejects.toThrow(message);
    await expect(rowsOf(dataset)).rejects.toThrow(message);
  });

  it('is noticed by its time of writing, by its rows, and by its absence', async () => {
    const path = writeTemp(content(5), 'x.tsv');
    utimesSync(path, 1e9, 1e9);
    const dataset = await openDataset(path);
    writeFileSync(path, content(5).replace('row 2', 'row X'));
    await expect(rowsOf(dataset)).rejects.toThrow(message);
    writeFileSync(path, content(5).replace('row 2\tno', 'row 2   '));
    utimesSync(path, 1e9, 1e9);
    await expect(rowsOf(dataset)).rejects.toThrow(message);
    rmSync(path);
    await expect(rowsOf(dataset)).rejects.toThrow(/expected a readable file, found no such file$/);
  });
});

describe('bad rows', () => {
  it('are all counted, and the first hundred listed', async () => {
    const data = await read('x.tsv', `${content(2)}${'bad\n'.repeat(250)}fine\tyes\n`);
    expect(data).toMatchObject({ total: 3, badRows: 250 });
    expect(data.bad).toHaveLength(100);
    expect(data.bad.at(-1)).toEqual({ line: 103, reason: 'expected 2 fields, found 1' });
    expect(data.rows.at(-1)).toEqual({ line: 254, text: 'fine', label: 'yes' });
  });
});

const descriptors = existsSync('/proc/self/fd');
if (!descriptors) console.log('skipped: closes the file where a reader stops early: no /proc/self/fd on this system');
it.skipIf(!descriptors)('closes the file where a reader stops early', async () => {
  for (const name of ['x.tsv', 'x.csv', 'x.jsonl', 'x.json', 'x.conll']) {
    const item = (i: number) => ({ text: `row ${i}`, label: i });
    const list = Array.from({ length: 20_000 }, (_, i) => item(i));
    const text: Record<string, string> = {
      'x.tsv': content(20_000),
      'x.csv': content(20_000).replaceAll('\t', ','),
      'x.jsonl': list.map((one) => JSON.stringify(one)).join('\n'),
      'x.json': JSON.stringify(list),
      'x.conll': 'word\tO\n\n'.repeat(20_000),
    };
    const path = writeTemp(text[name]!, name);
    const dataset = await openDataset(path);
    for await (const row of dataset.rows()) if (row.line > 5) break;
    const open = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === path);
    await vi.waitFor(() => expect(open(), name).toEqual([]), 5000);
  }
});

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

it('gives the same rows however the reads fall', async () => {
  const texts: readonly (readonly [string, string])[] = [
    ['x.tsv', 'text\tlabel\r\nä "b\t1\r\n\r\nonly\n日本\t0'],
    ['x.csv', 'text;label\r\n"ä;""b""\r\n";1\r\n\r\nonly\n日本;0'],
    ['x.jsonl', '{"text":"ä","label":1}\r\n\nno\n{"text":"日本","label":[0]}'],
    ['x.json', '[{"text":"ä]\\"","label":1},\n7 ,{"text":"日本","label":["a","b"]}\n]\n'],
    ['x.conll', '-DOCSTART- O\n\nä\tO\n日\tB-x\n\n\nx\n\ny\tO'],
    ['sts.csv', 'g\tf\t2012\t1\t5.0\tä "b\tc,d\ng\tf\t2012\t1\t0\tx\ty\tmore\n'],
  ];
  for (const [name, text] of texts) {
    const whole = await read(name, text);
    expect(whole.rows.length).toBeGreaterThan(0);
    for (let chunkBytes = 1; chunkBytes < 12; chunkBytes++) {
      const pieces = await read(name, text, {}, { chunkBytes });
      expect({ ...pieces, path: whole.path }).toEqual(whole);
    }
  }
});
