// `validate` on 10,000 and on 100,000 rows: whole processes, whose peak memory must not follow the rows.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { machineLine, root, table, tool, work } from './support.ts';

const folder = `${work}rows/`;
mkdirSync(folder, { recursive: true });
const fixture = `${root}fixtures/tickets`;
const [header = '', ...texts] = readFileSync(`${fixture}/train.tsv`, 'utf8').trim().split('\n');
const int8 = `${folder}int8.onnx`;
tool('quantize', fixture, '-o', int8, '--force', '--no-validate', '--quiet');

const figures = [10_000, 100_000].map((rows) => {
  const data = `${folder}${rows}.tsv`;
  // every row another text: a cache of texts would show
  const lines = Array.from({ length: rows }, (_, i) => `${i} ${texts[i % texts.length]}`);
  writeFileSync(data, `${[header, ...lines].join('\n')}\n`);
  return { rows, ...tool('validate', fixture, int8, '--data', data, '--no-bench', '--max-drop', '5pt', '--quiet') };
});
const [few, many] = figures as [(typeof figures)[0], (typeof figures)[0]];
const rows = [
  ['rows', 'seconds', 'peak, MiB'],
  ...figures.map((run) => [run.rows, run.seconds.toFixed(1), run.peakMib.toFixed(0)]),
  ['ratio', (many.seconds / few.seconds).toFixed(2), (many.peakMib / few.peakMib).toFixed(2)],
];
console.log(`${machineLine()}\n\n${table(rows)}`);
// a hundred bytes a row for the statistics (right or wrong, scores for AUROC), which the allocator rounds up
process.exitCode = many.peakMib - few.peakMib < 32 ? 0 : 1;
