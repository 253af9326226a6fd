// A process of its own, so that no other test's heap is in the figures: prints how much more is alive while many rows are read than few, in each text format.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGzip } from 'node:zlib';
import { openDataset } from '../../src/data/open-dataset.ts';

const folder = process.argv[2]!;
const [few, many] = process.argv.slice(3).map(Number) as [number, number];
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
  const path = join(folder, `${rows}-${name}`);
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
  if (dataset.size !== rows) throw new Error(`${path}: expected ${rows} rows, found ${dataset.size}`);
  let [seen, most] = [0, 0];
  for await (const _ of dataset.rows()) {
    if (++seen % (rows / 10) !== 0) continue;
    collect();
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, heapUsed + external);
  }
  if (seen !== rows) throw new Error(`${path}: expected ${rows} rows, found ${seen}`);
  return most;
}

for (const name of Object.keys(layouts)) {
  const [small, large] = [await write(name, few), await write(name, many)];
  await alive(small, few); // what is loaded once
  const before = await alive(small, few);
  console.log(`${name} ${(await alive(large, many)) - before}`);
}
