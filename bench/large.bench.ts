// A model with 5 GB of external data: quantized within 1.5 GB of memory.
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { buildBert } from '../test/support/bert.ts';
import { writeModel } from '../src/onnx/write.ts';
import { machineLine, table, tool, work } from './support.ts';

const folder = `${work}large/`;
mkdirSync(folder, { recursive: true });
const model = `${folder}model.onnx`;
if (!existsSync(model)) {
  const shape = {
    layers: 24,
    hidden: 2048,
    heads: 32,
    ffn: 8192,
    vocabulary: 30522,
    positions: 512,
    labels: 2,
    seed: 1,
  };
  writeModel(buildBert(shape), model, { externalData: true });
}
const size = statSync(`${model}_data`).size;
const rows: (string | number)[][] = [['to', 'input, GB', 'output, GB', 'seconds', 'peak, MiB', 'limit, MiB']];
let failed = false;
for (const to of ['int8', 'fp16']) {
  const output = `${folder}out.onnx`;
  const run = tool('quantize', model, '--to', to, '-o', output, '--force', '--no-validate', '--quiet');
  rows.push([
    to,
    (size / 1e9).toFixed(2),
    (statSync(`${output}_data`).size / 1e9).toFixed(2),
    run.seconds.toFixed(1),
    run.peakMib.toFixed(0),
    1536,
  ]);
  failed ||= run.peakMib > 1536;
}
console.log(`${machineLine()}\n\n${table(rows)}`);
rmSync(folder, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;
