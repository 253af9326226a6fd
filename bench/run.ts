// Runs the benchmarks that are named, or all: node --import tsx bench/run.ts [quantize-quality] [quantize-latency] [tool-time] [large]
import { readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const all = readdirSync(here)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.replace('.bench.ts', ''));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`bench: expected ${all.join(', ')}, found ${unknown.join(', ')}`);
  process.exit(2);
}
let failed = 0;
for (const name of wanted.length > 0 ? wanted : all) {
  console.log(`\n## ${name}`);
  failed +=
    spawnSync(process.execPath, ['--import', 'tsx', `${here}${name}.bench.ts`], { stdio: 'inherit' }).status === 0
      ? 0
      : 1;
}
process.exit(failed > 0 ? 1 : 0);
