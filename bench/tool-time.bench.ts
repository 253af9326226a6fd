// Whole processes on a BERT-base-sized model (random weights, 438 MB): this tool against onnxruntime's Python tools, in turn.
import { existsSync, mkdirSync } from 'node:fs';
import { buildBert, baseShape } from '../test/support/bert.ts';
import { writeModel } from '../src/onnx/write.ts';
import { machineLine, median, noPeers, peer, table, tool, work, type ProcessFigures } from './support.ts';

const missing = noPeers();
if (missing) {
  console.log(`skipped: ${missing}`);
  process.exit(0);
}
const folder = `${work}bert-base/`;
mkdirSync(folder, { recursive: true });
const model = `${folder}model.onnx`;
if (!existsSync(model)) writeModel(buildBert(baseShape), model);

const rounds = 3;
const rows: (string | number)[][] = [['job', 'ours, s', 'peer, s', 'times faster', 'ours, MiB', 'peer, MiB', 'memory']];
const jobs = [
  {
    name: 'int8 against quantize_dynamic per channel',
    ours: ['--to', 'int8'],
    theirs: ['ort_dynamic.py', model, `${folder}peer8.onnx`, 'per_channel'],
  },
  {
    name: 'fp16 against the float16 converter',
    ours: ['--to', 'fp16'],
    theirs: ['ort_fp16.py', model, `${folder}peer16.onnx`],
  },
] as const;
for (const { name, ours, theirs } of jobs) {
  const [a, b]: [ProcessFigures[], ProcessFigures[]] = [[], []];
  for (let i = 0; i < rounds; i++) {
    a.push(tool('quantize', model, ...ours, '-o', `${folder}ours.onnx`, '--force', '--no-validate', '--quiet'));
    b.push(peer(...(theirs as unknown as [string, ...string[]])));
  }
  const [mine, other] = [median(a.map((run) => run.seconds)), median(b.map((run) => run.seconds))];
  const ratio = median(a.map((run, i) => b[i]!.seconds / run.seconds));
  const [memory, otherMemory] = [median(a.map((run) => run.peakMib)), median(b.map((run) => run.peakMib))];
  rows.push([
    name,
    mine.toFixed(2),
    other.toFixed(2),
    ratio.toFixed(2),
    memory.toFixed(0),
    otherMemory.toFixed(0),
    (memory / otherMemory).toFixed(2),
  ]);
}
console.log(`${machineLine()}; median of ${rounds} runs in turn\n\n${table(rows)}`);
