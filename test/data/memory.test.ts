// Memory does not follow the number of rows: what is alive while 200,000 rows are read, against 10,000, in every text format.
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGzip } from 'node:zlib';
import { expect, it } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.ts';
import { tempDir } from '../support/temp.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const text = (i: number): string =>
  `row ${i} of a file that is much larger than what may be held of it ${'x'.repeat(i % 50)}`;

/** What stands before, for each row, and after. */
const layouts: Readonly<Record<string, readonly [string, (i: number) => string, string]>> = {
  'x.tsv': ['text\tlabel\n', (i) => `${text(i)}\t${i % 2}\n`, ''],
  'x.tsv.gz': ['text\tlabel\n', (i) => `${text(i)}\t${i % 2}\n`, ''],
  'x.csv': ['text,label\n', (i) => `"${text(i)},\n",${i % 2}\n`, ''],
  'x.jsonl': ['', (i) => `{"text":"${text(i)}","label":${i % 2}}\n`, ''],
  'x.json': ['[', (i) => `${i === 0 ? '' : ','}{"text":"${text(i)}","label":${i % 2}}`, ']'],
  'x.conll': ['', (i) => `${i}\tO\n${text(i).replaceAll(' ', '_')}\tB-x\n\n`, ''],
};

async function write(name: string, rows: number): Promise<string> {
  const [before, row, after] = layouts[name]!;
  const path = join(tempDir(), name);
  const file = createWriteStream(path);
  const out = name.endsWith('.gz') ? createGzip() : file;
  if (out !== file) out.pipe(file);
  out.write(before);
  for (let i = 0; i < rows; i += 1000) {
    const some = Array.from({ length: 1000 }, (_, j) => row(i + j)).join('');
    if (!out.write(some)) await once(out, 'drain');
  }
  out.end(after);
  await once(file, 'close');
  return path;
}

/** Most bytes alive at ten points of a pass. */
async function alive(path: string, rows: number): Promise<number> {
  const dataset = await openDataset(path);
  expect(dataset.size).toBe(rows);
  let [seen, most] = [0, 0];
  for await (const _ of dataset.rows()) {
    if (++seen % (rows / 10) !== 0) continue;
    collect();
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, heapUsed + external);
  }
  expect(seen).toBe(rows);
  return most;
}

it.each(Object.keys(layouts))('%s', { timeout: 60_000 }, async (name) => {
  const [few, many] = [10_000, 200_000];
  const [small, large] = [await write(name, few), await write(name, many)];
  await alive(small, few); // what is loaded once
  const before = await alive(small, few);
  const growth = (await alive(large, many)) - before;
  expect(growth).toBeLessThan(2 * 2 ** 20); // the rows themselves are 25 MiB
});
