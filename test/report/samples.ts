// Reports as the commands give them, small and complete, for tests of what renders them.
import { REPORT_SCHEMA, type Candidate, type Report } from '../../src/report/schema.ts';

const sha = (digit: string): string => digit.repeat(64);
const file = (path: string, bytes: number, digit: string) => ({ path, sha256: sha(digit), bytes, params: 22_713_216 });

const common = {
  schema: REPORT_SCHEMA,
  tool: { name: 'bert-compress', version: '0.1.0' },
  seed: 0,
  input: file('models/minilm-sst2/onnx/model.onnx', 90_992_433, 'a'),
  steps: [],
  notes: [],
  machine: {
    cpu: 'AMD EPYC 9B14',
    isa: ['avx2', 'avx512f', 'avx512_vnni'],
    cores: 2,
    memory: 67_430_510_592,
    onnxruntime: '1.30.0',
    node: 'v20.20.2',
  },
  seconds: 14.6,
  peakRssBytes: 460_034_048,
} satisfies Partial<Report>;

const parts = {
  before: [
    { name: 'embeddings', params: 11_919_360, bytes: 47_677_440, precision: 'float32' },
    { name: 'attention', params: 3_548_160, bytes: 14_192_640, precision: 'float32' },
    { name: 'FFN', params: 7_091_712, bytes: 28_366_848, precision: 'float32' },
    { name: 'pooler', params: 147_840, bytes: 591_360, precision: 'float32' },
    { name: 'head', params: 770, bytes: 3_080, precision: 'float32' },
  ],
  after: [
    { name: 'embeddings', params: 11_919_360, bytes: 12_041_000, precision: 'int8, float32' },
    { name: 'attention', params: 3_548_160, bytes: 3_580_000, precision: 'int8' },
    { name: 'FFN', params: 7_091_712, bytes: 7_150_000, precision: 'int8' },
    { name: 'pooler', params: 147_840, bytes: 149_400, precision: 'int8' },
    { name: 'head', params: 770, bytes: 3_080, precision: 'float32' },
  ],
};

const shape = (batch: number, sequence: number, beforeMs: number, afterMs: number) => ({
  batch,
  sequence,
  threads: 2,
  beforeMs,
  afterMs,
  speedup: beforeMs / afterMs,
  rounds: 40,
});

const withIntervals = (row: ReturnType<typeof shape>) => ({
  ...row,
  beforeCi95Ms: [row.beforeMs * 0.96, row.beforeMs * 1.05] satisfies [number, number],
  afterCi95Ms: [row.afterMs * 0.97, row.afterMs * 1.06] satisfies [number, number],
  speedupCi95: [row.speedup * 0.95, row.speedup * 1.04] satisfies [number, number],
  beforePerSecond: (1000 * row.batch) / row.beforeMs,
  afterPerSecond: (1000 * row.batch) / row.afterMs,
});

/** `quantize` with data and gates: one output, its parts at the top. */
export const quantizeReport: Report = {
  ...common,
  command: 'quantize',
  output: file('models/minilm-sst2/onnx/model_quantized.onnx', 23_190_112, 'b'),
  ratio: 23_190_112 / 90_992_433,
  steps: [
    {
      pass: 'quantize-8bit',
      options: { to: 'int8', granularity: 'per-channel' },
      changed: true,
      stats: { products: 38, weights: 38, tables: 2, reshapes: 26 },
      skipped: [
        { node: '/pos/Gather', op: 'Gather', reason: 'table is below 0.5 % of the weights' },
        { node: '/seg/Gather', op: 'Gather', reason: 'table is below 0.5 % of the weights' },
        { node: '/layer.0/MatMul', op: 'MatMul', reason: 'both inputs are computed' },
        { node: '/layer.1/MatMul', op: 'MatMul', reason: 'both inputs are computed' },
        { node: '/layer.2/MatMul', op: 'MatMul', reason: 'both inputs are computed' },
      ],
      seconds: 0.9,
    },
  ],
  accuracy: {
    task: 'text-classification',
    metric: 'accuracy',
    samples: 872,
    before: 0.885321,
    after: 0.896789,
    drop: -0.011468,
    relative: -0.012953,
    ci95: [-0.020642, -0.00344],
    p: 0.013,
    allowed: 0.005,
    verdict: 'pass',
    secondary: {
      macroF1: { before: 0.885199, after: 0.896718 },
      macroRecall: { before: 0.884969, after: 0.896576 },
      mcc: { before: 0.770949, after: 0.793599 },
    },
  },
  parity: { rows: 872, cosine: 0.966, sqnrDb: 23.5, maxAbs: 1.2345, agreement: 0.983945, kl: 0.00557 },
  latency: [shape(1, 16, 9.29, 3.19), shape(8, 128, 141.87, 60.09)],
  parts,
  checks: [
    { gate: 'max-drop', at: 'accuracy', expected: 'at most 0.50 points', found: '-1.15 points', verdict: 'pass' },
    { gate: 'max-size', expected: 'at most 30.00 MB', found: '23.19 MB', verdict: 'pass' },
  ],
  data: {
    path: 'dev.tsv',
    format: 'tsv',
    columns: { text: 'sentence', label: 'label' },
    rows: 872,
    bad: [],
  },
  notes: [
    '8-bit products of u8 x s8 can saturate on CPUs without VNNI: use --reduce-range on for a file that is to run anywhere',
  ],
  verdict: 'pass',
  failures: [],
};

const scored = (after: number, ci95: [number, number], p: number, recall: number) => ({
  task: 'text-classification',
  metric: 'accuracy',
  samples: 872,
  before: 0.885321,
  after,
  drop: 0.885321 - after,
  ci95,
  p,
  allowed: 0.005,
  secondary: {
    macroF1: { before: 0.885199, after: after - 0.0002 },
    macroRecall: { before: 0.884969, after: recall },
  },
});

const int8: Candidate = {
  output: file('out/int8/onnx/model_quantized.onnx', 23_190_112, 'b'),
  ratio: 23_190_112 / 90_992_433,
  accuracy: {
    ...scored(0.881881, [-0.0058, 0.0126], 0.581, 0.8815),
    samplesNeeded: 2954,
    verdict: 'pass',
    folds: {
      count: 5,
      before: { mean: 0.885327, sd: 0.021 },
      after: { mean: 0.881899, sd: 0.0195 },
      drop: { mean: 0.003428, sd: 0.0071 },
    },
    saturated: { before: 0.885321, exact: 0.881881, after: 0.841743, drop: 0.043578, samples: 872 },
  },
  parity: { rows: 872, cosine: 0.966, sqnrDb: 23.5, maxAbs: 1.23, agreement: 0.983945, kl: 0.00557 },
  latency: [shape(1, 16, 9.29, 3.19), shape(1, 128, 28.4, 11.9), shape(8, 128, 141.87, 60.09)],
  parts,
  changed: [
    {
      line: 17,
      text: "it 's a charming and often affecting journey , and one that asks for more patience than the trailer lets you think",
      gold: 'positive',
      before: 'positive 0.93',
      after: 'negative 0.71',
      loss: 2.41,
    },
    {
      line: 4,
      text: '这部电影的节奏很慢，但是演员的表演非常出色',
      gold: 'positive',
      before: 'positive 0.88',
      after: 'negative 0.52',
      loss: 0.9,
    },
    { line: 801, text: 'no', gold: 'negative', before: 'negative 0.61', after: 'positive 0.55', loss: 0.31 },
  ],
  pareto: true,
  checks: [
    { gate: 'max-drop', at: 'accuracy', expected: 'at most 0.50 points', found: '0.34 points', verdict: 'pass' },
    { gate: 'min-speedup', at: '1 x 16', expected: 'at least 1.20x', found: '2.91x', verdict: 'pass' },
    { gate: 'min-speedup', at: '8 x 128', expected: 'at least 1.20x', found: '2.36x', verdict: 'pass' },
  ],
  verdict: 'pass',
  failures: [],
};

const fp16: Candidate = {
  output: file('out/fp16/onnx/model_fp16.onnx', 45_590_336, 'c'),
  ratio: 45_590_336 / 90_992_433,
  accuracy: { ...scored(0.885321, [0, 0], 1, 0.884969), verdict: 'pass' },
  parity: { rows: 872, cosine: 0.999998, sqnrDb: 61.2, maxAbs: 0.0042, agreement: 1, kl: 1.1e-7 },
  latency: [shape(1, 16, 9.31, 9.9), shape(1, 128, 28.5, 29.3), shape(8, 128, 142.6, 150.2)],
  pareto: true,
  checks: [
    { gate: 'max-drop', at: 'accuracy', expected: 'at most 0.50 points', found: '0.00 points', verdict: 'pass' },
    { gate: 'min-speedup', at: '1 x 16', expected: 'at least 1.20x', found: '0.94x', verdict: 'fail' },
    { gate: 'min-speedup', at: '8 x 128', expected: 'at least 1.20x', found: '0.95x', verdict: 'fail' },
  ],
  verdict: 'fail',
  failures: [
    'latency at 1 x 16: expected at least 1.2x, found 0.94x',
    'latency at 8 x 128: expected at least 1.2x, found 0.95x',
  ],
};

const swapped: Candidate = {
  output: file('out/damaged/onnx/model_quantized.onnx', 23_190_112, 'd'),
  ratio: 23_190_112 / 90_992_433,
  accuracy: { ...scored(0.11789, [0.735, 0.799], 0, 0.118), verdict: 'fail' },
  parity: { rows: 872, cosine: -0.966, sqnrDb: -6, maxAbs: 9.1, agreement: 0.016, kl: 4.1, nonFinite: 2 },
  latency: [shape(1, 16, 9.3, 3.2), shape(1, 128, 28.4, 12.1), shape(8, 128, 141.9, 61)],
  diagnosis: ["labels look swapped: 'negative' and 'positive' exchanged give an accuracy of 88.21 %"],
  pareto: false,
  checks: [
    { gate: 'max-drop', at: 'accuracy', expected: 'at most 0.50 points', found: '76.74 points', verdict: 'fail' },
  ],
  verdict: 'fail',
  failures: ['accuracy: expected a drop of at most 0.50 points (--max-drop 0.5pt), found 76.74 points'],
};

/** `validate` with three candidates: one holds, one is slow, one has its labels swapped. */
export const validateReport: Report = {
  ...common,
  command: 'validate',
  candidates: [int8, fp16, swapped],
  data: {
    path: 'data/sst2/dev.tsv.gz',
    format: 'tsv, gzip',
    columns: { text: 'sentence', label: 'label' },
    rows: 872,
    total: 67_349,
    badRows: 5,
    bad: [
      { line: 12, reason: "label: expected one of negative, positive, found 'neutral'" },
      { line: 40, reason: 'expected 2 cells, found 3' },
      { line: 77, reason: 'expected 2 cells, found 1' },
      { line: 90, reason: 'expected a text, found nothing' },
    ],
  },
  baseline: {
    path: 'bert-compress.baseline.json',
    metric: 'accuracy',
    value: 0.881,
    bytes: 23_190_000,
    updated: false,
  },
  notes: ['output/fp16: onnxruntime computes float16 in float32 on this CPU'],
  verdict: 'fail',
  failures: [...fp16.failures, ...swapped.failures],
};

const op = (name: string, count: number, msARun: number, total: number) => ({
  op: name,
  count,
  ms: msARun,
  share: msARun / total,
});

/** `bench` of one candidate with memory and profile, no data. */
export const benchReport: Report = {
  ...common,
  command: 'bench',
  candidates: [
    {
      output: file('models/minilm-sst2/onnx/model_quantized.onnx', 23_190_112, 'b'),
      ratio: 23_190_112 / 90_992_433,
      latency: [
        shape(1, 16, 9.29, 3.19),
        shape(1, 128, 28.4, 11.9),
        shape(8, 128, 141.87, 60.09),
        shape(32, 128, 1580.2, 602.4),
      ].map(withIntervals),
      memory: { beforePeakRssBytes: 301_989_888, afterPeakRssBytes: 188_743_680 },
      profile: {
        batch: 8,
        sequence: 128,
        before: [op('MatMul', 74, 118, 141), op('Erf', 6, 9, 141), op('Softmax', 6, 4, 141), op('Add', 44, 10, 141)],
        after: [
          op('DynamicQuantizeMatMul', 37, 38, 60),
          op('MatMul', 12, 6.5, 60),
          op('Erf', 6, 9, 60),
          op('Softmax', 6, 4, 60),
          op('Add', 7, 2.5, 60),
        ],
      },
      checks: [{ gate: 'min-speedup', at: '1 x 16', expected: 'at least 1.20x', found: '2.91x', verdict: 'pass' }],
      verdict: 'pass',
      failures: [],
    },
  ],
  verdict: 'pass',
  failures: [],
};

/** Everything absent that can be: `quantize --no-validate`. */
export const bareReport: Report = {
  ...common,
  command: 'quantize',
  output: file('model_quantized.onnx', 999, 'b'),
  ratio: 999 / 90_992_433,
  verdict: 'not-checked',
  failures: [],
};

const nasty = `</style><script>alert("x")</script><img src=x onerror=alert(1)> & "quotes" 'single' | pipe \`tick\` *b* _i_ [l](http://e.invalid) @octocat #12 $x^2$ \u001b[31mred\u0007 \u202egnp.exe\r\n## head\u0000 ]]> {{x}} \ud800 ${'long '.repeat(80)}`;

/** A report whose every text comes from someone who means harm. */
export const hostileReport: Report = {
  ...validateReport,
  input: { ...common.input, path: `in/${nasty}.onnx` },
  candidates: [
    {
      ...int8,
      output: { ...int8.output, path: `out/${nasty}.onnx` },
      parts: {
        before: [{ ...parts.before[0]!, name: nasty }],
        after: [{ ...parts.after[0]!, name: nasty, precision: nasty }],
      },
      changed: [{ line: 1, text: nasty, textPair: nasty, gold: nasty, before: nasty, after: nasty, loss: 1 }],
      profile: { batch: 1, sequence: 8, before: [op(nasty, 1, 2, 2)], after: [op(nasty, 1, 1, 1)] },
      diagnosis: [nasty],
      checks: [{ gate: nasty, at: nasty, expected: nasty, found: nasty, verdict: 'fail' }],
      verdict: 'fail',
      failures: [nasty],
    },
    fp16,
  ],
  steps: [
    {
      pass: nasty,
      options: {},
      changed: true,
      stats: { [nasty]: 1 },
      skipped: [{ node: nasty, op: nasty, reason: nasty }],
      seconds: 1,
    },
  ],
  data: {
    path: nasty,
    format: nasty,
    columns: { text: nasty },
    rows: 3,
    badRows: 2,
    bad: [{ line: 2, reason: nasty }],
  },
  baseline: { path: nasty, bytes: 1, updated: true },
  machine: { ...common.machine, cpu: nasty, isa: [nasty] },
  notes: [nasty],
  verdict: 'fail',
  failures: [nasty],
};

/** Question answering with a perplexity beside it: pairs, metrics that are no fractions, many models with long names. */
export const manyReport: Report = {
  ...common,
  command: 'validate',
  candidates: Array.from({ length: 7 }, (_, i) => ({
    ...fp16,
    output: file(
      `experiments/2026-11-25/distilled-and-pruned/seed-${i}/checkpoint-12000/onnx/model_quantized.onnx`,
      9e6 + i * 7e6,
      'e',
    ),
    ratio: (9e6 + i * 7e6) / 90_992_433,
    accuracy: {
      ...scored(0.82 + 0.009 * i, [0.06 - 0.009 * i, 0.07 - 0.009 * i], 0.01, 0.8),
      metric: 'topOne',
      secondary: { pseudoPerplexity: { before: 8.25, after: 9.5 - i / 7 } },
      verdict: 'fail' as const,
    },
    changed: [
      {
        line: 3,
        text: 'The context is long. '.repeat(30),
        textPair: 'Who wrote it?',
        gold: 'Ann',
        before: 'Ann',
        after: 'Bob',
        loss: 1,
      },
    ],
    pareto: i % 2 === 0,
  })),
  verdict: 'fail',
  failures: [],
};

/** A run of `train`: falling loss with noise, four evaluations of which the third is the best. */
export const trainReport: Report = {
  ...quantizeReport,
  command: 'train',
  steps: [],
  training: {
    steps: 400,
    epochs: 2.5,
    seconds: 812.4,
    rows: { train: 10_240, dev: 872 },
    params: 10_647_554,
    stopped: 'early',
    metric: 'accuracy',
    best: { step: 300, metric: 0.881 },
    curve: Array.from({ length: 100 }, (_, i) => ({
      step: 4 * (i + 1),
      loss: 0.7 * Math.exp(-i / 40) + 0.05 * Math.sin(7 * i) + 0.1,
      parts: {},
      rate: 1e-4 * (1 - i / 100),
    })),
    evaluations: [0.79, 0.866, 0.881, 0.879].map((metric, i) => ({ step: 100 * (i + 1), metric })),
  },
};

export const samples: Readonly<Record<string, Report>> = {
  quantize: quantizeReport,
  validate: validateReport,
  bench: benchReport,
  bare: bareReport,
  hostile: hostileReport,
  many: manyReport,
  train: trainReport,
};
