// Accuracy and size of int8, uint8 and fp16 on trained models, beside onnxruntime's tools judged by the same evaluator.
import { existsSync, mkdirSync } from 'node:fs';
import type { CompressionReport } from '../src/index.ts';
import { machineLine, noPeers, peer, root, table, tool, work } from './support.ts';

const models = [
  {
    name: 'minilm-sst2, SST-2 dev',
    folder: `${root}../shared/models/minilm-sst2`,
    data: `${root}../shared/data/sst2/dev.tsv`,
  },
  {
    name: 'minilm-l6-v2, STS-B dev',
    folder: `${root}.models/minilm-l6-v2`,
    data: `${root}../shared/data/stsbenchmark/sts-dev.csv`,
  },
];
const folder = `${work}quality/`;
mkdirSync(folder, { recursive: true });
console.log(machineLine());
for (const { name, folder: model, data } of models) {
  if (!existsSync(model)) {
    console.log(`skipped: ${name}: ${model.replace(root, '')} is not there`);
    continue;
  }
  const rows: (string | number)[][] = [
    ['file', 'bytes', 'of original', 'metric before', 'after', 'lost, points', 'cosine', 'SQNR, dB', 'agreement'],
  ];
  const judge = (label: string, args: string[]): void => {
    const report = JSON.parse(
      tool(
        'quantize',
        model,
        '--data',
        data,
        '--max-length',
        '128',
        '--no-bench',
        '--force',
        '-o',
        `${folder}out.onnx`,
        '--json',
        ...args,
      ).stdout,
    ) as CompressionReport;
    const { accuracy, parity } = report;
    rows.push([
      label,
      report.output.bytes,
      `${(100 * report.ratio).toFixed(2)} %`,
      (100 * accuracy!.before).toFixed(3),
      (100 * accuracy!.after).toFixed(3),
      (100 * accuracy!.drop).toFixed(3),
      parity!.cosine.toFixed(5),
      parity!.sqnrDb?.toFixed(1) ?? '-',
      parity!.agreement?.toFixed(4) ?? '-',
    ]);
  };
  judge('int8', []);
  judge('int8, reduced range', ['--reduce-range', 'on']);
  judge('int8, tables float', ['--embeddings', 'fp32']);
  judge('int8 per tensor', ['--granularity', 'per-tensor']);
  judge('uint8', ['--to', 'uint8']);
  judge('fp16', ['--to', 'fp16']);
  if (!noPeers()) {
    const task = data.includes('sst2') ? 'sst2' : 'sts';
    for (const [label, script, ...args] of [
      ['quantize_dynamic', 'ort_dynamic.py'],
      ['quantize_dynamic per channel', 'ort_dynamic.py', 'per_channel'],
      ['float16 converter', 'ort_fp16.py'],
    ] as const) {
      const made = JSON.parse(peer(script, `${model}/onnx/model.onnx`, `${folder}peer.onnx`, ...args).stdout) as {
        bytes: number;
      };
      const score = JSON.parse(peer('evaluate.py', model, `${folder}peer.onnx`, data, `task=${task}`).stdout) as {
        accuracy?: number;
        spearman?: number;
      };
      rows.push([
        `${label} (peer, Python's evaluator)`,
        made.bytes,
        '',
        '',
        (score.accuracy ?? score.spearman ?? NaN).toFixed(3),
        '',
        '',
        '',
        '',
      ]);
    }
  }
  console.log(`\n### ${name}\n\n${table(rows)}`);
}
