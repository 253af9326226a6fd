// A process that reads files with a byte inverted, once for each position named as FILE:I,I,…, and prints how each reading ends.
import { readFileSync, writeFileSync } from 'node:fs';
import { openDataset } from '../../src/data/open-dataset.ts';

const [folder = '', ...given] = process.argv.slice(2);
for (const one of given) {
  const colon = one.lastIndexOf(':');
  const bytes = readFileSync(one.slice(0, colon));
  for (const i of one
    .slice(colon + 1)
    .split(',')
    .map(Number)) {
    const broken = Buffer.from(bytes);
    broken[i] = broken[i]! ^ 0xff;
    writeFileSync(`${folder}/broken.parquet`, broken);
    console.log(`${i} ${await endOf(`${folder}/broken.parquet`)}`);
  }
}

async function endOf(file: string): Promise<string> {
  try {
    const rows = (await openDataset(file)).rows()[Symbol.asyncIterator]();
    let count = 0;
    while ((await rows.next()).done !== true) count++;
    return `${count} rows`;
  } catch (error) {
    return String(error);
  }
}
