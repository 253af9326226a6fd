// Whole processes on real models and data: `validate` of a model and its int8 file against the Python evaluator run once for each.
import { existsSync, mkdirSync } from 'node:fs';
import type { Report } from '../src/index.ts';
import { machineLine, median, noPeers, peer, root, table, tool, work } from './support.ts';

const jobs = [
  {
    name: 'minilm-sst2, SST-2 dev (872 texts)',
    folder: `${root}../shared/models/minilm-sst2`,
    data: `${root}../shared/data/sst2/dev.tsv`,
  },
  {
    name: 'minilm-l6-v2, STS-B dev (1,500 pairs)',
    folder: `${root}.models/minilm-l6-v2`,
    data: `${root}../shared/data/stsbenchmark/sts-dev.csv`,
  },
];
const missing = noPeers();
if (missing) {
  console.log(`skipped: ${missing}`);
  process.exit(0);
}
const rounds = 3;
const out = `${work}validate/`;
mkdirSync(out, { recursive: true });
const rows: (string | number)[][] = [
  ['job', 'ours, s', 'peer, s', 'times faster', 'ours, MiB', 'peer, MiB', 'metric, ours', 'metric, peer'],
];
for (const { name, folder, data } of jobs) {
  if (!existsSync(folder)) {
    console.log(`skipped: ${name}: ${folder.replace(root, '')} is not there`);
    continue;
  }
  const [original, int8] = [`${folder}/onnx/model.onnx`, `${out}int8.onnx`];
  tool('quantize', folder, '-o', int8, '--force', '--no-validate', '--quiet');
  const times: { ours: number; theirs: number }[] = [];
  let [ourMib, theirMib, ourMetric, theirMetric] = [0, 0, '', ''];
  for (let round = 0; round < rounds; round++) {
    const ours = tool('validate', folder, int8, '--data', data, '--max-length', '128', '--no-bench', '--json');
    const theirs = [original, int8].map((model) => peer('evaluate.py', folder, model, data));
    times.push({ ours: ours.seconds, theirs: theirs[0]!.seconds + theirs[1]!.seconds });
    const { accuracy } = JSON.parse(ours.stdout) as Report;
    ourMetric = [accuracy!.before, accuracy!.after].map((value) => (100 * value).toFixed(3)).join(' / ');
    theirMetric = theirs.map(({ stdout }) => metricOf(stdout)).join(' / ');
    ourMib = Math.max(ourMib, ours.peakMib);
    theirMib = Math.max(theirMib, ...theirs.map((run) => run.peakMib));
  }
  rows.push([
    name,
    median(times.map((run) => run.ours)).toFixed(1),
    median(times.map((run) => run.theirs)).toFixed(1),
    median(times.map((run) => run.theirs / run.ours)).toFixed(2),
    ourMib.toFixed(0),
    theirMib.toFixed(0),
    ourMetric,
    theirMetric,
  ]);
}
console.log(`${machineLine()}; median of ${rounds} runs in turn\n\n${table(rows)}`);

function metricOf(stdout: string): string {
  const { accuracy, spearman } = JSON.parse(stdout) as { accuracy?: number; spearman?: number };
  return (accuracy ?? spearman ?? NaN).toFixed(3);
}
