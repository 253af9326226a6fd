// A process that reads a file once for each byte of it that is named, with that byte inverted, and prints what each reading ends with.
import { readFileSync, writeFileSync } from 'node:fs';
import { openDataset } from '../../src/data/open-dataset.ts';

const [path = '', folder = '', ...positions] = process.argv.slice(2);
const bytes = readFileSync(path);
for (const i of positions.map(Number)) {
  const broken = Buffer.from(bytes);
  broken[i] = broken[i]! ^ 0xff;
  writeFileSync(`${folder}/broken.parquet`, broken);
  console.log(`${i} ${await endOf(`${folder}/broken.parquet`)}`);
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
