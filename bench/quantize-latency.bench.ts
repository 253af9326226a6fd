// Latency of the INT8 file against float and against onnxruntime's quantize_dynamic per channel, measured in turn at four shapes.
import { existsSync, mkdirSync } from 'node:fs';
import { latency } from '../src/evaluate/latency.ts';
import { openSession } from '../src/runtime/session.ts';
import { machineLine, noPeers, peer, root, table, tool, work } from './support.ts';

const missing =
  noPeers() ?? (existsSync(`${root}../shared/models/minilm-sst2`) ? undefined : '../shared/models is not there');
if (missing) {
  console.log(`skipped: ${missing}`);
  process.exit(0);
}
const folder = `${work}latency/`;
mkdirSync(folder, { recursive: true });
const float = `${root}../shared/models/minilm-sst2/onnx/model.onnx`;
const [ours, theirs] = [`${folder}ours.onnx`, `${folder}peer.onnx`];
tool('quantize', float, '-o', ours, '--force', '--no-validate', '--quiet');
peer('ort_dynamic.py', float, theirs, 'per_channel');

const options = { budgetMs: 8000, vocabularySize: 30000 };
const rows: (string | number)[][] = [
  ['batch x tokens', 'float, ms', 'ours, ms', 'float / ours', 'peer, ms', 'peer / ours'],
];
const [f, o, p] = [await openSession(float), await openSession(ours), await openSession(theirs)];
const againstFloat = await latency(f, o, options);
const againstPeer = await latency(p, o, options);
againstFloat.latency.forEach((row, i) => {
  const other = againstPeer.latency[i]!;
  rows.push([
    `${row.batch} x ${row.sequence}`,
    row.beforeMs.toFixed(2),
    row.afterMs.toFixed(2),
    row.speedup.toFixed(2),
    other.beforeMs.toFixed(2),
    other.speedup.toFixed(3),
  ]);
});
console.log(
  `${machineLine()}; ${o.threads} threads; medians of paired rounds, each pair of files measured in turn\n\n${table(rows)}`,
);
await Promise.all([f, o, p].map((session) => session.release()));
